import type { Policy } from '../policy/policy.js'
import type { ContextState } from './context-state.js'

/** A state under another requested guarantee. Before any evidence, a changed request is as good as the first; later it is post hoc. */
export function requestGuarantee (state: ContextState, { max_em_drop, error_level, predictor }: Policy): ContextState {
  const { reported, accounted, missing, excluded } = state.follow_up
  const isUnreported = reported + accounted + missing + excluded === 0 // also in the slice that has not ended
  const requested = isUnreported && isUnseen(state) ? { max_em_drop, error_level, predictor } : state.requested
  const trials = state.trials.map((trial) => isUnseen(trial) ? { ...trial, requested: { max_em_drop, error_level } } : trial)
  return { ...state, requested, trials }
}

function isUnseen ({ halves, open }: Pick<ContextState, 'halves' | 'open'>): boolean {
  return halves.every((half) => half.generations === 0) && open.evidence.generations + open.unaccounted === 0
}
