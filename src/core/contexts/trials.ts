import { noEvidence } from '../certificate/evidence.js'
import { type Moment, nothingTested } from '../certificate/tested-evidence.js'
import { RAW } from '../enrolment/slice.js'
import type { Levels } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import { fingerprintOf, type LivePredictors, type PredictorRef } from '../predictor/predictor-version.js'
import type { Predictor } from '../predictor/predictor.js'
import { type ContextState, predictorOf, type Trial } from './context-state.js'

/** The predictor that serves; `null`: the raw confidence, or nothing. */
export function servingOf ({ serving: name, trials }: Pick<ContextState, 'serving' | 'trials'>): PredictorRef | null {
  return name === null ? null : { name, fingerprint: trials.find(({ predictor }) => predictor === name)?.fingerprint }
}

/** The number under which slices keep the evidence of the scorer that serves; `undefined`: its trial is gone. */
export function servingNumber ({ serving, trials }: Pick<ContextState, 'serving' | 'trials'>): number | undefined {
  return serving === null ? RAW : trials.find(({ predictor }) => predictor === serving)?.ordinal
}

/** The newest predictor for the policy's label and the configured levels. */
function newestFor (predictors: LivePredictors, policy: Policy, levels: Levels): Predictor | undefined {
  return [...predictors.values()].findLast(({ label, levels: its }) => label === policy.label && its === levels.join())
}

/** Limit of predictors on trial in a context. The first of an epoch has the largest share of the level: newer ones must not displace it. */
const MAX_TRIALS = 3

/**
 * Brings a context's trials in line with its policy and the live predictors: trials of retired ones end, and a newer predictor becomes the
 * epoch's next challenger. If there is no room, it replaces the oldest predictor that does not serve.
 * @param next number of the next slice, and the present moment
 */
export function syncTrials (
  state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors, next: { readonly slice: number } & Moment
): ContextState {
  if (policy.predictor === 'off') return state.trials.length === 0 ? state : { ...state, trials: [] }
  const live = state.trials.filter((trial) => predictorOf(trial, predictors) !== undefined)
  const newest = newestFor(predictors, policy, levels)
  if (newest === undefined || live.some(({ predictor }) => predictor === newest.name)) {
    return live.length === state.trials.length ? state : { ...state, trials: live }
  }
  const { max_em_drop, error_level } = policy
  const none = noEvidence(newest.grid.length)
  const challenger: Trial = {
    predictor: newest.name,
    fingerprint: fingerprintOf(newest),
    ordinal: state.challengers + 1,
    since: next.slice,
    requested: { max_em_drop, error_level },
    evidence: none,
    open: { evidence: none, unaccounted: 0 },
    tested: nothingTested(newest.grid.length, next),
    certified: -1,
    trained_on: 0,
  }
  const oldest = live.length < MAX_TRIALS ? undefined : live.find(({ predictor }) => predictor !== state.serving)
  return { ...state, challengers: challenger.ordinal, trials: [...live.filter((trial) => trial !== oldest), challenger] }
}
