import { openEpoch, type ContextState } from '../core/context-state.js'
import { NO_EVIDENCE } from '../core/evidence.js'
import { DEFAULT_POLICY } from '../core/policy.js'
import { decodeState } from './encoding.js'

/** In place of a state that is damaged: it means nothing that a policy asks for, so it certifies nothing, and no parent stands in. */
const UNREADABLE: ContextState = { ...openEpoch(undefined, 'reset', DEFAULT_POLICY, ['?'], 0), epoch: 0 }

/** One context's state must not keep the others from being read. */
export function readState (text: string): ContextState {
  try {
    const state = decodeState(text)
    return isWhole(state) ? state : UNREADABLE
  } catch { return UNREADABLE }
}

/** Whether a state that is JSON has all that one has, each of its kind: what is missing the learner would miss, for all contexts. */
function isWhole (state: ContextState): boolean {
  const hasParts = hasKindsOf(UNREADABLE, state) && hasKindsOf(UNREADABLE.wish, state.wish) && hasKindsOf(UNREADABLE.arms, state.arms)
  return hasParts && [state, ...state.trials].every(({ halves }) =>
    halves.length === 2 && halves.every((half) => hasKindsOf(NO_EVIDENCE, half) && half.lost.length === NO_EVIDENCE.lost.length))
}

function hasKindsOf (whole: object, value: object): boolean {
  return Object.entries(whole).every(([name, one]) => {
    const other = (value as Record<string, unknown>)[name]
    return one === null ? other !== undefined : typeof other === typeof one && Array.isArray(other) === Array.isArray(one)
  })
}

/** Epochs that were ever begun count from 1. */
export const isUnreadable = ({ epoch }: ContextState): boolean => epoch === 0
