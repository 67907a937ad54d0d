import type { Policy } from '../policy/policy.js'
import { sampleOf } from '../predictor/sample.js'
import type { PrunedOutcome } from '../recording/prune-steps.js'
import type { Fold } from './fold.js'

/** What predictors may learn from a control outcome whose label is known. */
export function applySample (fold: Fold, outcome: PrunedOutcome, leaf: string, policy: Policy): void {
  if (policy.predictor !== 'auto') return
  const sample = sampleOf(outcome, leaf, policy.label)
  if (sample !== null) fold.reservoir.add(sample)
}
