import { policyOf, statesWithin, write, type Fold } from './fold.js'
import type { ContextState } from '../judgement/context-state.js'
import { isCurrent } from '../judgement/judge.js'
import { ROOT } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import type { PredictorEntry } from './log-entry.js'
import { moveShare } from './move-share.js'
import { refTo } from '../predictor/fingerprint.js'
import { syncTrials } from '../judgement/sync-trials.js'

/** Name under which the service records the predictors that it trains. */
export const TRAINER = 'trainer'

/** The next predictor is due at this multiple of the samples of the last one, or at this many more, whichever comes first. */
const GROWTH = 4
const MOST_BETWEEN = 20_000

/** The state with its trials up to date. A new trial takes evidence from the next slice on. */
export function withTrials (fold: Fold, key: string, state: ContextState, policy: Policy): ContextState {
  const cohort = fold.cohorts.get(key)
  const next = syncTrials(state, policy, fold.ledger.configuration.levels, fold.predictors, cohort?.nextSlice ?? 0)
  if (next.challengers === state.challengers || cohort === undefined) return next
  cohort.publish(fold.cohorts.clock)
  return next
}

/** Makes a predictor a challenger in every context whose policy allows it, or ends its trials. */
export function applyPredictor (fold: Fold, time: number, { name, version, by }: PredictorEntry): void {
  const isLive = version !== null && version.retired_at === null
  fold.predictors.delete(name)
  if (isLive) fold.predictors.set(name, version.predictor)
  fold.ledger = { ...fold.ledger, predictors: [...fold.predictors.values()].map(refTo) }
  if (isLive && by === TRAINER) {
    const { added } = fold.reservoir
    fold.ledger = { ...fold.ledger, train_at: Math.min(GROWTH * added, added + MOST_BETWEEN) }
  }
  const { levels } = fold.ledger.configuration
  for (const [key, state] of statesWithin(fold, ROOT)) {
    const policy = policyOf(fold.ledger, key)
    if (!isCurrent(state, policy, levels)) continue
    const next = withTrials(fold, key, state, policy)
    if (next === state) continue
    moveShare(fold, key, write(fold, key, next, { policy, time, cause: 'predictor', mayMove: true }), time)
  }
}
