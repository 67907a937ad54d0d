import { LOTTERY_STEP } from '../core/certificate/lottery.js'
import { openEpoch, type ContextState } from '../core/judgement/context-state.js'
import { thresholdsOf } from '../core/certificate/evidence.js'
import { sumsInForce } from '../core/judgement/candidate-scorer.js'
import { DEFAULT_POLICY } from '../core/policy/policy.js'
import { reviveState } from './encoding.js'
import { isState } from './stored-state-schema.js'

/** Replaces an unreadable state. Its meaning fits no policy, so it certifies nothing, and no parent stands in for it. */
const UNREADABLE: ContextState = { ...openEpoch(undefined, 'reset', DEFAULT_POLICY, ['?'], { time: 0, name: '' }), epoch: 0 }

export function readState (text: string): ContextState {
  try {
    const value = JSON.parse(text)
    if (!isState(value)) return UNREADABLE
    const state = reviveState(value)
    return hasThresholdOfGrid(state) ? state : UNREADABLE
  } catch { return UNREADABLE }
}

/** Whether what is in force has a place on the grid that its evidence is for. */
function hasThresholdOfGrid (state: ContextState): boolean {
  const { threshold_index: index } = state
  if (index === -1) return true
  return Number.isInteger(index / LOTTERY_STEP) && index >= 0 && index <= thresholdsOf(sumsInForce(state)[0]!) - 1
}

/** A state whose evidence is lost, until its next epoch: it certifies nothing, and no enrolment is of its epoch. */
export function withoutEvidence ({ epoch, tokens_saved_gross, probe_tokens, probe_prefill_tokens }: ContextState): ContextState {
  return { ...UNREADABLE, epoch, tokens_saved_gross, probe_tokens, probe_prefill_tokens }
}

/** The epochs of a context count from 1. */
export const isUnreadable = ({ epoch }: ContextState): boolean => epoch === 0
