import { openEpoch, type ContextState } from '../core/context-state.js'
import { DEFAULT_POLICY } from '../core/policy.js'
import { decodeState } from './encoding.js'

/** In place of a state that is damaged: it means nothing that a policy asks for, so it certifies nothing, and no parent stands in. */
const UNREADABLE: ContextState = { ...openEpoch(undefined, 'reset', DEFAULT_POLICY, ['?'], 0), epoch: 0 }

/** One context's state must not keep the others from being read. */
export function readState (text: string): ContextState {
  try { return decodeState(text) } catch { return UNREADABLE }
}

/** Epochs that were ever begun count from 1. */
export const isUnreadable = ({ epoch }: ContextState): boolean => epoch === 0
