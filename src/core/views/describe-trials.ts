import type { ContextState } from '../judgement/context-state.js'
import { emDrop, grossSavedRatio, tokensSavedRatio } from '../certificate/evidence.js'
import { challengerLevel, candidateScorers, certifiedNow } from '../judgement/candidate-scorer.js'
import { thresholdAt } from '../certificate/lottery.js'
import { untilNext } from './describe-thresholds.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'

/** The trials of predictors in a context; ratios and EM are fractions. */
export function describeTrials (state: ContextState, policy: Policy, predictors: LivePredictors) {
  return candidateScorers(state, policy, predictors).flatMap((candidate) => {
    const { scorer, grid, evidence } = candidate
    const trial = state.trials.find(({ predictor }) => predictor === scorer)
    if (trial === undefined) return []
    const index = Math.max(candidate.certified, certifiedNow(candidate, policy))
    return [{
      predictor: trial.predictor,
      serving: state.serving === scorer,
      ordinal: trial.ordinal,
      error_level: challengerLevel(policy.error_level, trial.ordinal),
      generations: evidence.generations,
      /** Generations excluded from its evidence because it was trained on their groups. */
      seen_in_training: trial.trained_on,
      /** The loosest threshold that its own evidence certifies. */
      threshold: index === -1 ? null : thresholdAt(grid, index),
      em_drop: index === -1 ? null : emDrop(evidence, index),
      tokens_saved_ratio: index === -1 ? 0 : tokensSavedRatio(evidence, index),
      tokens_saved_gross_ratio: index === -1 ? 0 : grossSavedRatio(evidence, index),
      generations_to_next_certificate: untilNext(candidate, policy),
    }]
  })
}
