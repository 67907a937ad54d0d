import { noEvidence, type Evidence } from '../certificate/evidence.js'
import { GRID } from '../certificate/grid.js'
import type { ChainLink } from '../judgement/chain-link.js'
import type { ContextState } from '../judgement/context-state.js'
import { servingNumber } from '../judgement/sync-trials.js'

/** What a context has shown at one place of a grid; -1: nothing is in force. `level`: of an interval for its EM drop. */
export interface Shown { readonly evidence: Evidence, readonly index: number, readonly level: number }

/**
 * What a member has itself shown in its pool's present epoch, at the threshold of the pool. It certifies nothing.
 * @param pool link and state of the pool
 */
export function shownInPool ({ membership }: ContextState, { index, policy }: Pick<ChainLink, 'index' | 'policy'>, pool: ContextState | undefined): Shown {
  const isCurrent = pool !== undefined && membership?.epoch === pool.epoch_name && membership.scorer === servingNumber(pool)
  return isCurrent
    ? { evidence: membership.evidence, index, level: policy.error_level }
    : { evidence: noEvidence(GRID.length), index: -1, level: policy.error_level }
}
