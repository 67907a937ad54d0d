import { type Differences, reaches, unitsToReach } from '../certificate/certificate.js'
import { loosestPassing } from '../certificate/certified-threshold.js'
import { type Evidence, thresholdsOf, tokensSavedRatio } from '../certificate/evidence.js'
import { testedBound, testedLevel } from '../certificate/judge-errors.js'
import { differencesOf, type TestedEvidence } from '../certificate/tested-evidence.js'
import { GRID } from '../certificate/thresholds.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { type ContextState, evidenceOf, lookShare, predictorOf, type Trial } from './context-state.js'
import type { RequestedGuarantee } from './guarantee.js'

/** A guarantee requested after the first evidence must reach a bar this many times higher, to cover every guarantee that could be tried. */
const POST_HOC_FACTOR = 30

/** One way to score the steps of a context, with the evidence for each of its thresholds. */
export interface CandidateScorer {
  /** Name of the predictor; `null`: the raw confidence. */
  readonly scorer: string | null
  readonly grid: readonly number[]
  /** The known evidence, of final and of open slices, for estimates. */
  readonly evidence: Evidence
  /** Units of open slices without any report. */
  readonly unaccounted: number
  /** The evidence that is tested. */
  readonly tested: TestedEvidence
  /** The loosest threshold that some prefix has certified; -1 if the state was last judged under other terms. */
  readonly certified: number
  /** Whether the guarantee was requested after the first evidence. */
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
    if (predictor !== undefined) candidates.push(trialCandidate(state, trial, policy, predictor.grid))
  }
  return candidates
}

/** The candidate with this scorer. @param scorer name of a predictor on trial; `null`: the raw confidence */
export function candidateOf (state: ContextState, policy: Policy, predictors: LivePredictors, scorer: string | null): CandidateScorer {
  return candidateScorers(state, policy, predictors).find((candidate) => candidate.scorer === scorer)!
}

export function rawCandidate (state: ContextState, policy: Policy): CandidateScorer {
  return {
    scorer: null,
    grid: GRID,
    evidence: evidenceOf(state),
    unaccounted: state.open.unaccounted,
    tested: state.tested,
    certified: haveSameTerms(state.judged_by, policy) ? state.certified : -1,
    ...rawBar(state, policy),
  }
}

function trialCandidate (state: ContextState, trial: Trial, policy: Policy, grid: readonly number[]): CandidateScorer {
  return {
    scorer: trial.predictor,
    grid,
    evidence: evidenceOf(trial),
    unaccounted: trial.open.unaccounted,
    tested: trial.tested,
    certified: haveSameTerms(state.judged_by, policy) ? trial.certified : -1,
    ...trialBar(state, trial, policy),
  }
}

/** The bar of every scorer that may serve, by the predictor's name; `null`: the raw confidence. */
export function barsOf (state: ContextState, policy: Policy, predictors: LivePredictors): ReadonlyMap<string | null, number> {
  const bars = new Map<string | null, number>([[null, rawBar(state, policy).bar]])
  if (policy.predictor === 'off') return bars
  for (const trial of state.trials) {
    if (predictorOf(trial, predictors) !== undefined) bars.set(trial.predictor, trialBar(state, trial, policy).bar)
  }
  return bars
}

type Bar = Pick<CandidateScorer, 'isPostHoc' | 'bar'>

function rawBar (state: ContextState, policy: Policy): Bar {
  const isPostHoc = isOtherRequest(state.requested, policy) || state.requested.predictor !== policy.predictor
  const level = policy.predictor === 'off' ? testedLevel(policy) : championLevel(testedLevel(policy))
  return { isPostHoc, bar: barOf(level * lookShare(state.looks), isPostHoc) }
}

/** If predictors were turned on after the first evidence, the raw confidence had the whole level until then. */
function trialBar (state: ContextState, trial: Trial, policy: Policy): Bar {
  const isPostHoc = isOtherRequest(trial.requested, policy) || state.requested.predictor !== policy.predictor
  return { isPostHoc, bar: barOf(challengerLevel(testedLevel(policy), trial.ordinal) * lookShare(state.looks), isPostHoc) }
}

/** The part of the level at which the raw confidence is tested where predictors may challenge it. */
export function championLevel (errorLevel: number): number { return errorLevel / 2 }

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

/** The evidence on the scorer in force, in parts that can be added. */
export function sumsInForce (state: ContextState): readonly Evidence[] {
  const { serving, trials } = state
  const { evidence, open } = (serving === null ? undefined : trials.find(({ predictor }) => predictor === serving)) ?? state
  return [evidence, open.evidence]
}

/** The part of the known units that is tested (see `evidence-span.ts`). */
export function countedPart ({ evidence: { generations }, tested: { final, open } }: Pick<CandidateScorer, 'evidence' | 'tested'>): number {
  const units = final.generations + open.sums.generations
  return generations === 0 ? 1 : Math.min(1, Math.max(1, units) / generations)
}

/** The loosest threshold of a candidate that its evidence certifies now, the units that are not accounted for counting as lost. */
export function certifiedNow (
  { evidence, tested, bar }: Pick<CandidateScorer, 'evidence' | 'tested' | 'bar'>,
  policy: Pick<Policy, 'max_em_drop' | 'judge_miss_rate'>
): number {
  const a = testedBound(policy)
  return loosestPassing((k) => reaches(a, differencesOf(tested, k, true), bar), thresholdsOf(evidence))
}

/**
 * The value of information: whether half of the traffic should be control, so that a looser threshold is certified sooner. While m more
 * control outcomes come in, that costs the savings s of the threshold in force for each of them. It gains ds, the looser threshold's
 * savings beyond s, once it is certified. How long it will then serve is unknown; as many generations as there have been is a guess that
 * holds at every scale, so learning is worth its cost while ds (n - m) > s m.
 * @param state has a threshold in force
 */
export function isLearningWorthwhile (state: ContextState, policy: Policy, predictors: LivePredictors): boolean {
  const candidates = candidateScorers(state, policy, predictors)
  const serving = candidates.find(({ scorer }) => scorer === state.serving)
  if (serving === undefined) return false
  const now = tokensSavedRatio(serving.evidence, state.threshold_index)
  return candidates.some((candidate) => isWorthItsCost(candidate, now, state.generations, policy))
}

/** @param now share of the tokens that the threshold in force saves; @param n generations so far */
function isWorthItsCost ({ evidence, tested, certified, bar }: CandidateScorer, now: number, n: number, policy: Policy): boolean {
  let needed = 0
  for (let k = certified + 1; k < thresholdsOf(evidence); k++) {
    const differences = differencesOf(tested, k)
    needed = Math.max(needed, unitsToReach(testedBound(policy), differences, bar, hopedFor(differences))) // it waits for the safer ones
    if (needed >= n) return false
    // At 0 it has reached the bar, and control outcomes are not what it lacks.
    if (needed > 0 && (tokensSavedRatio(evidence, k) - now) * (n - needed) > now * needed) return true
  }
  return false
}

/**
 * Losses of whole units some standard errors below those seen: optimism in the face of uncertainty, as in upper confidence bounds (Auer et
 * al. 2002). Otherwise an early run of losses would end the learning, and without control generations nothing could correct it.
 */
export function hopedFor (seen: Differences, standardErrors = 1): Differences {
  const lost = Math.max(0, seen.lost - standardErrors * Math.sqrt(Math.max(0, seen.lost)))
  return { ...seen, lost, kept: seen.kept + seen.lost - lost }
}
