import { thresholdsOf, NO_EVIDENCE } from '../certificate/evidence.js'
import type { CohortRules, CohortScorer } from '../enrolment/account-for.js'
import { RAW } from '../enrolment/slice.js'
import type { ContextState } from '../judgement/context-state.js'
import { predictorOf } from '../judgement/trial.js'
import type { Policy } from '../policy/policy.js'
import type { Fold } from './fold.js'
import { isTrainedOn, unitsOfOutcome } from './units-of-outcome.js'

const RAW_SCORER: CohortScorer = { scorer: RAW, thresholds: thresholdsOf(NO_EVIDENCE), since: 0 }

/** The rules by which a context's cohort is followed up. */
export function cohortRules (fold: Fold, state: ContextState, policy: Policy): CohortRules {
  const trials = policy.predictor === 'off' ? [] : state.trials
  return {
    followUp: policy.follow_up_seconds * 1000,
    missingOutcomes: policy.missing_outcomes,
    missingLabels: policy.missing_labels,
    wait: fold.times.wait,
    scorers: [RAW_SCORER, ...trials.flatMap((trial): CohortScorer[] => {
      const predictor = predictorOf(trial, fold.predictors)
      if (predictor === undefined) return []
      return [{
        scorer: trial.ordinal, thresholds: predictor.grid.length, since: trial.since, isSetAside: (u) => isTrainedOn(predictor, u),
      }]
    })],
    worstUnits (id) {
      const pending = fold.pending.get(id)
      if (pending === undefined || pending.outcome.steps === null) return new Map()
      return unitsOfOutcome(pending.outcome, pending.leaf, policy, state, fold.predictors).units
    },
  }
}
