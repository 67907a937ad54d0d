import { evidenceOf, mergeHalves, type ContextState } from './context-state.js'
import type { Evidence } from '../certificate/evidence.js'
import { GRID } from '../certificate/grid.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { predictorOf, type Trial } from './trial.js'
import type { RequestedGuarantee } from './requested-guarantee.js'

/** A guarantee requested after evidence came in must reach a bar this many times higher, to cover every guarantee that could be tried. */
const POST_HOC_FACTOR = 30

/** One way to score the steps of a context, with the evidence for each of its thresholds. */
export interface CandidateScorer {
  /** Name of the predictor; `null`: the raw confidence. */
  readonly scorer: string | null
  readonly grid: readonly number[]
  readonly evidence: Evidence
  /** Whether the guarantee was requested after evidence came in. */
  readonly isPostHoc: boolean
  /** ln of the value that E must reach. */
  readonly bar: number
}

/**
 * Every scorer that may serve in a context, the raw confidence first. They divide the level, so that the probability that any of them is
 * ever wrongly certified stays below it: the raw confidence has half, and the j-th challenger of an epoch 1/(2j(j+1)), which add up to the
 * other half.
 */
export function candidateScorers (state: ContextState, policy: Policy, predictors: LivePredictors): CandidateScorer[] {
  const candidates = [rawCandidate(state, policy)]
  if (policy.predictor === 'off') return candidates
  for (const trial of state.trials) {
    const predictor = predictorOf(trial, predictors)
    const isLate = state.requested.predictor !== policy.predictor
    if (predictor !== undefined) candidates.push(trialCandidate(trial, policy, predictor.grid, isLate))
  }
  return candidates
}

/** The candidate with this scorer. @param scorer name of a predictor on trial; `null`: the raw confidence */
export function candidateOf (state: ContextState, policy: Policy, predictors: LivePredictors, scorer: string | null): CandidateScorer {
  return candidateScorers(state, policy, predictors).find((candidate) => candidate.scorer === scorer)!
}

export function rawCandidate (state: ContextState, policy: Policy): CandidateScorer {
  const isPostHoc = isOtherRequest(state.requested, policy) || state.requested.predictor !== policy.predictor
  const level = policy.predictor === 'off' ? policy.error_level : policy.error_level / 2
  return { scorer: null, grid: GRID, evidence: evidenceOf(state), isPostHoc, bar: barOf(level, isPostHoc) }
}

/** @param isLate whether predictors were turned on after evidence came in: until then the raw confidence had the whole level */
function trialCandidate (
  { predictor: scorer, ordinal, requested, halves }: Trial, policy: Policy, grid: readonly number[], isLate: boolean): CandidateScorer {
  const isPostHoc = isOtherRequest(requested, policy) || isLate
  return { scorer, grid, evidence: mergeHalves(halves), isPostHoc, bar: barOf(challengerLevel(policy.error_level, ordinal), isPostHoc) }
}

/** The part of the level at which the j-th challenger of an epoch is tested. @param ordinal j, from 1 */
export function challengerLevel (errorLevel: number, ordinal: number): number {
  return errorLevel / (2 * ordinal * (ordinal + 1))
}

function isOtherRequest (requested: RequestedGuarantee, policy: Policy): boolean {
  return requested.max_em_drop !== policy.max_em_drop || requested.error_level !== policy.error_level
}

function barOf (level: number, isPostHoc: boolean): number {
  return Math.log((isPostHoc ? POST_HOC_FACTOR : 1) / level)
}

/** The half-windows of the scorer in force. */
export function halvesInForce ({ serving, trials, halves }: ContextState): ContextState['halves'] {
  return (serving === null ? undefined : trials.find(({ predictor }) => predictor === serving))?.halves ?? halves
}
