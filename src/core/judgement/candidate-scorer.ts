import { evidenceOf, mergeHalves, type ContextState } from './context-state.js'
import type { Evidence } from '../certificate/evidence.js'
import { GRID } from '../certificate/grid.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { predictorOf, type Trial } from './trial.js'
import type { RequestedGuarantee } from './requested-guarantee.js'

/** A wish stated after looking at the counts must beat the level by this, which covers every wish one could have tried. */
const POST_HOC_FACTOR = 30

/** One way to score the steps of a context, with what its thresholds have shown. */
export interface CandidateScorer {
  /** Name of the predictor; `null`: the raw confidence. */
  readonly scorer: string | null
  readonly grid: readonly number[]
  readonly evidence: Evidence
  /** The wish was stated after its evidence began to come in. */
  readonly isPostHoc: boolean
  /** ln of what E must reach. */
  readonly bar: number
}

/**
 * All that may serve in a context, the raw confidence first. They share the level, so that the chance that any of them is ever certified
 * wrongly stays below it: half is the raw confidence's, and the j-th challenger of an epoch has 1/(2j(j+1)), in all the other half.
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

/** That of a judgement's scorer. */
export function candidateOf (state: ContextState, policy: Policy, predictors: LivePredictors, scorer: string | null): CandidateScorer {
  return candidateScorers(state, policy, predictors).find((candidate) => candidate.scorer === scorer)!
}

export function rawCandidate (state: ContextState, policy: Policy): CandidateScorer {
  const isPostHoc = isOtherRequest(state.requested, policy) || state.requested.predictor !== policy.predictor
  const level = policy.predictor === 'off' ? policy.error_level : policy.error_level / 2
  return { scorer: null, grid: GRID, evidence: evidenceOf(state), isPostHoc, bar: barOf(level, isPostHoc) }
}

/** @param isLate whether predictors were turned on after looking: then the raw confidence had the whole level before */
function trialCandidate (
  { predictor: scorer, ordinal, requested, halves }: Trial, policy: Policy, grid: readonly number[], isLate: boolean): CandidateScorer {
  const isPostHoc = isOtherRequest(requested, policy) || isLate
  return { scorer, grid, evidence: mergeHalves(halves), isPostHoc, bar: barOf(challengerLevel(policy.error_level, ordinal), isPostHoc) }
}

/** The part of the level that the j-th challenger of an epoch is tested at, j from 1. */
export function challengerLevel (errorLevel: number, ordinal: number): number {
  return errorLevel / (2 * ordinal * (ordinal + 1))
}

function isOtherRequest (requested: RequestedGuarantee, policy: Policy): boolean {
  return requested.max_em_drop !== policy.max_em_drop || requested.error_level !== policy.error_level
}

function barOf (level: number, isPostHoc: boolean): number {
  return Math.log((isPostHoc ? POST_HOC_FACTOR : 1) / level)
}

/** What the scorer in force has shown, in half-windows. */
export function halvesInForce ({ serving, trials, halves }: ContextState): ContextState['halves'] {
  return (serving === null ? undefined : trials.find(({ predictor }) => predictor === serving))?.halves ?? halves
}
