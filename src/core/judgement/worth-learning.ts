import { unitsToReach, type Differences } from '../certificate/certificate.js'
import { differencesAt, thresholdsOf, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import { expectedUtility, standardError } from '../certificate/objective.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { candidateScorers, type CandidateScorer } from './candidate-scorer.js'
import type { ContextState } from './context-state.js'

/**
 * The value of information: whether half of the traffic should be control, so that a looser threshold is certified sooner. While m more
 * control outcomes come in, that costs the savings s of the threshold in force for each of them. It gains ds, what the looser threshold
 * saves beyond s, once it is certified. How long it will then serve is not known; as many generations as there have been is a guess that
 * holds at every scale, so learning is worth its price while ds (n - m) > s m.
 * @param state has a threshold in force
 */
export function isLearningWorthwhile (state: ContextState, policy: Policy, predictors: LivePredictors): boolean {
  const candidates = candidateScorers(state, policy, predictors)
  const serving = candidates.find(({ scorer }) => scorer === state.serving)
  if (serving === undefined) return false
  const now = worthAt(serving.evidence, state.threshold_index, policy)
  if (isChoiceUnsure(serving, state.threshold_index, state.generations, policy)) return true
  return candidates.some((candidate) => isWorthItsPrice(candidate, now, state.generations, policy))
}

/**
 * The same under prices, where another certified threshold looks better, but not yet by a standard error, so that the one in force stays.
 * Standard errors fall with the square root of the evidence.
 */
function isChoiceUnsure ({ evidence, certified }: CandidateScorer, place: number, n: number, policy: Policy): boolean {
  const { value_of_em: value } = policy
  if (value === null) return false
  const index = Math.floor(place) // prices choose among whole thresholds
  const now = worthAt(evidence, index, policy)
  for (let k = 0; k <= certified; k++) {
    const gain = worthAt(evidence, k, policy) - now
    if (k === index || gain <= 0) continue
    const needed = evidence.generations * ((value * standardError(evidence, k, index) / gain) ** 2 - 1)
    if (needed > 0 && gain * (n - needed) > now * needed) return true // at 0 or less it is sure, and the objective stays for another reason
  }
  return false
}

/** @param now what the threshold in force is worth; @param n generations so far */
function isWorthItsPrice ({ evidence, certified, bar }: CandidateScorer, now: number, n: number, policy: Policy): boolean {
  let needed = 0
  for (let k = Math.floor(certified) + 1; k < thresholdsOf(evidence); k++) {
    const seen = differencesAt(evidence, k)
    needed = Math.max(needed, unitsToReach(policy.max_em_drop, seen, bar, hopedFor(seen))) // each waits for the safer ones
    if (needed >= n) return false
    // At 0 it has reached the bar, and control outcomes are not what it lacks.
    if (needed > 0 && (worthAt(evidence, k, policy) - now) * (n - needed) > now * needed) return true
  }
  return false
}

/**
 * Losses of whole units one standard error below those seen: optimism in the face of uncertainty, as in upper confidence bounds (Auer et
 * al. 2002). An early run of losses would else end the learning, and without control generations nothing could correct it.
 */
function hopedFor (seen: Differences): Differences {
  const lost = seen.lost - Math.sqrt(seen.lost)
  return { ...seen, lost, kept: seen.kept + seen.lost - lost }
}

/** What a generation gains by a threshold: by the prices of the policy, else the share of its tokens that is saved. */
function worthAt (evidence: Evidence, k: number, policy: Policy): number {
  return expectedUtility(evidence, k, policy) ?? tokensSavedRatio(evidence, k)
}
