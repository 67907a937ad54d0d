import { type Differences, reaches, unitsToReach } from '../certificate/certificate.js'
import { loosestPassing } from '../certificate/certified-threshold.js'
import { type Evidence, noEvidence, thresholdsOf, tokensSavedRatio } from '../certificate/evidence.js'
import { testedBound, testedLevel } from '../certificate/judge-errors.js'
import { differencesOf, nothingTested, type TestedEvidence } from '../certificate/tested-evidence.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { type ContextState, evidenceOf, lookShare } from './context-state.js'
import { scoreOfState } from './score.js'

/** A guarantee requested after the first evidence must reach a bar this many times higher, to cover every guarantee that could be tried. */
const POST_HOC_FACTOR = 30

/** The evidence of a context for each threshold of its score, with the bar of its test. */
export interface ScoredEvidence {
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

/** The evidence of a context; none where the predictor that scores it is gone. */
export function scoredEvidence (state: ContextState, policy: Policy, predictors: LivePredictors): ScoredEvidence {
  const grid = scoreOfState(state, predictors)?.grid
  const isJudged = haveSameTerms(state.judged_by, policy)
  return {
    ...(grid === undefined ? NOTHING : gatheredIn(state, grid)),
    certified: grid !== undefined && isJudged ? state.certified : -1,
    isPostHoc: isPostHoc(state, policy),
    bar: barOf(state, policy),
  }
}

type Gathered = Pick<ScoredEvidence, 'grid' | 'evidence' | 'unaccounted' | 'tested'>

const NOTHING: Gathered =
  { grid: [], evidence: noEvidence(0), unaccounted: 0, tested: nothingTested(0, { clock: 0, time: 0 }) }

function gatheredIn (state: ContextState, grid: readonly number[]): Gathered {
  return { grid, evidence: evidenceOf(state), unaccounted: state.open.unaccounted, tested: state.tested }
}

/** ln of the value that E must reach. */
export function barOf (state: Pick<ContextState, 'requested' | 'looks'>, policy: Policy): number {
  return Math.log((isPostHoc(state, policy) ? POST_HOC_FACTOR : 1) / (testedLevel(policy) * lookShare(state.looks)))
}

/** Whether the guarantee was requested after the first evidence. */
export function isPostHoc ({ requested }: Pick<ContextState, 'requested'>, policy: Policy): boolean {
  return requested.max_em_drop !== policy.max_em_drop || requested.error_level !== policy.error_level
}

/** The part of the known units that is tested (see `evidence-span.ts`). */
export function countedPart ({ evidence: { generations }, tested: { final, open } }: Pick<ScoredEvidence, 'evidence' | 'tested'>): number {
  const units = final.generations + open.sums.generations
  return generations === 0 ? 1 : Math.min(1, Math.max(1, units) / generations)
}

/** The loosest threshold that the evidence certifies now, the units that are not accounted for counting as lost. */
export function certifiedNow (
  { evidence, tested, bar }: Pick<ScoredEvidence, 'evidence' | 'tested' | 'bar'>,
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
  const scored = scoredEvidence(state, policy, predictors)
  const now = tokensSavedRatio(scored.evidence, state.threshold_index)
  return isWorthItsCost(scored, now, state.generations, policy)
}

/** @param now share of the tokens that the threshold in force saves; @param n generations so far */
function isWorthItsCost ({ evidence, tested, certified, bar }: ScoredEvidence, now: number, n: number, policy: Policy): boolean {
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
