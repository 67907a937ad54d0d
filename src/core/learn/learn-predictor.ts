import { chainOf } from '../policy/context.js'
import { policyOf, settledAt, write, type Fold } from './fold.js'
import { isCurrent } from '../judgement/judge.js'
import type { PredictorEntry } from './log-entry.js'
import { moveShare } from './move-share.js'
import { refTo } from '../predictor/fingerprint.js'
import { syncTrials } from '../judgement/sync-trials.js'

/** Who makes the predictors that nobody imports. */
export const TRAINER = 'trainer'

/** The next one is trained when there were so many times more samples, or so many more. */
const GROWTH = 4
const MOST_BETWEEN = 20_000

/** A predictor takes the field in every context whose policy lets it, or leaves it. */
export function learnPredictor (fold: Fold, time: number, { name, version, by }: PredictorEntry): void {
  const isLive = version !== null && version.retired_at === null
  fold.predictors.delete(name)
  if (isLive) fold.predictors.set(name, version.predictor)
  fold.ledger = { ...fold.ledger, predictors: [...fold.predictors.values()].map(refTo) }
  if (isLive && by === TRAINER) {
    const { added } = fold.reservoir
    fold.ledger = { ...fold.ledger, train_at: Math.min(GROWTH * added, added + MOST_BETWEEN) }
  }
  const { levels } = fold.ledger.configuration
  for (const key of [...fold.keys()]) {
    const state = fold.get(key)!
    const policy = policyOf(fold.ledger, key)
    if (!isCurrent(state, policy, levels)) continue
    const next = syncTrials(state, policy, levels, fold.predictors, settledAt(fold, policy, time))
    if (next === state) continue
    write(fold, key, next, policy, time, 'predictor', true)
    if (chainOf(key).length === levels.length + 1) moveShare(fold, key, time)
  }
}
