import { type Fold, statesWithin } from './fold.js'
import { policyOf } from './ledger.js'
import { startEpoch } from './start-epoch.js'
import type { PredictorEntry } from './log-entry.js'
import { refTo } from '../scores/predictor-version.js'
import { ROOT } from '../policy/context.js'
import { isCurrent } from './judge.js'
import { writeMoved } from './control-share.js'

/** Name under which the service records the predictors that it trains. */
export const TRAINER = 'trainer'

/** The next predictor is due at this multiple of the samples of the last one, or at this many more, whichever comes first. */
const GROWTH = 4

const MAX_GENERATIONS_BETWEEN = 20_000

/** Adds, retires or deletes a predictor. Where it is the score, evidence means something else from now on: a new epoch begins. */
export function applyPredictor (fold: Fold, time: number, { name, version, by }: PredictorEntry): void {
  const isLive = version !== null && version.retired_at === null
  fold.predictors.delete(name)
  if (isLive) fold.predictors.set(name, version.predictor)
  fold.ledger = { ...fold.ledger, predictors: [...fold.predictors.values()].map(refTo) }
  if (isLive && by === TRAINER) {
    const { added } = fold.reservoir
    fold.ledger = { ...fold.ledger, train_at: Math.min(GROWTH * added, added + MAX_GENERATIONS_BETWEEN) }
  }
  const { levels } = fold.ledger.configuration
  for (const [key, state] of statesWithin(fold, ROOT)) {
    const policy = policyOf(fold.ledger, key)
    if (policy.score !== name || isCurrent(state, policy, levels, fold.predictors)) continue
    const next = startEpoch(fold, key, state, { cause: 'predictor', policy, time })
    writeMoved(fold, key, next, { policy, time, cause: 'predictor', mayMove: true })
  }
}
