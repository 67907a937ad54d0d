import { type Differences, reaches, unitsToReach } from '../stats/certificate.js'
import { loosestPassing } from '../stats/certified-threshold.js'
import { differencesAt, type Evidence, noEvidence, thresholdsOf, tokensSavedRatio } from '../stats/evidence.js'
import { barOf, isPostHoc } from '../stats/error-budget.js'
import { testedBound } from '../stats/judge-errors.js'
import { type EvidenceSpan, mayLongestCertify, newSpan } from '../evidence/evidence-span.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { LivePredictors } from '../scores/predictor-version.js'
import type { ContextState } from './context-state.js'
import { accountedEvidence, type GatheredEvidence, knownEvidence } from '../evidence/gathered-evidence.js'
import { scoreOfEpoch } from '../scores/score.js'

/** The evidence of a context for each threshold of its score, with the bar of its test. */
export interface ScoredEvidence {
  readonly grid: readonly number[]
  /** The known evidence, of final and of open slices, which is tested. */
  readonly evidence: Evidence
  /** The part of it that is accounted for, of which estimates are made. */
  readonly accounted: Evidence
  /** Units of open slices without any report. */
  readonly unaccounted: number
  readonly span: EvidenceSpan
  /** The loosest threshold that some prefix has certified; -1 if the state was last judged under other terms. */
  readonly certified: number
  /** Whether the guarantee was requested after the first evidence. */
  readonly isPostHoc: boolean
  /** ln of the value that E must reach. */
  readonly bar: number
}

/** The evidence of a context; none where the predictor that scores it is gone. */
export function scoredEvidence (state: ContextState, policy: Policy, predictors: LivePredictors): ScoredEvidence {
  const grid = scoreOfEpoch(state.epoch, predictors)?.grid
  const isJudged = haveSameTerms(state.rule.judged_by, policy)
  return {
    ...(grid === undefined ? NOTHING : gatheredIn(state.evidence, grid)),
    certified: grid !== undefined && isJudged ? state.evidence.certified : -1,
    isPostHoc: isPostHoc(state.epoch, policy),
    bar: barOf(state.epoch, policy),
  }
}

type Gathered = Pick<ScoredEvidence, 'grid' | 'evidence' | 'accounted' | 'unaccounted' | 'span'>

const NOTHING: Gathered = { grid: [], evidence: noEvidence(0), accounted: noEvidence(0), unaccounted: 0, span: newSpan(0, 0) }

function gatheredIn (gathered: GatheredEvidence, grid: readonly number[]): Gathered {
  const { open: { unaccounted }, span } = gathered
  return { grid, evidence: knownEvidence(gathered), accounted: accountedEvidence(gathered), unaccounted, span }
}

/** The loosest threshold that the longest prefix certifies now: units that are not accounted for count as lost. */
export function certifiedNow (
  { evidence, unaccounted, span, bar }: Pick<ScoredEvidence, 'evidence' | 'unaccounted' | 'span' | 'bar'>,
  policy: Pick<Policy, 'max_em_drop' | 'judge_miss_rate'>
): number {
  const a = testedBound(policy)
  const isCertified = (k: number) => reaches(a, differencesAt(evidence, k, unaccounted), bar) && mayLongestCertify(span, k, a)
  return loosestPassing(isCertified, thresholdsOf(evidence))
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
  const now = tokensSavedRatio(scored.evidence, state.rule.index)
  return isWorthItsCost(scored, now, state.reports.generations, policy)
}

/** @param now share of the tokens that the threshold in force saves; @param n generations so far */
function isWorthItsCost ({ evidence, certified, bar }: ScoredEvidence, now: number, n: number, policy: Policy): boolean {
  let needed = 0
  for (let k = certified + 1; k < thresholdsOf(evidence); k++) {
    const differences = differencesAt(evidence, k)
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
