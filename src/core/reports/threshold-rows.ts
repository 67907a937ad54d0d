import { FORECAST_LIMIT, generationsToReach, logEvidence } from '../certificate/certificate.js'
import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, grossSavedRatio, tokensSavedRatio } from '../certificate/evidence.js'
import { testedBound, trueDrop } from '../certificate/judge-errors.js'
import { differencesOf } from '../certificate/tested-evidence.js'
import { type CandidateScorer, certifiedNow, countedPart } from '../contexts/candidate-scorer.js'
import type { Policy } from '../policy/policy.js'

/**
 * Describes the evidence for every threshold of a candidate, safest first, by the generations that are accounted for. Only for `certified`
 * the others count as lost. Ratios and EM are fractions.
 */
export function describeThresholds (candidate: CandidateScorer, policy: Policy) {
  const { evidence, tested, grid, bar } = candidate
  const index = Math.max(candidate.certified, certifiedNow(candidate, policy))
  let needed: number | null = 0
  return grid.map((threshold, k) => {
    const lost = evidence.lost[k]!
    const gained = evidence.gained[k]!
    const kept = evidence.generations - lost - gained
    const { low, high } = emDropInterval(differencesAt(evidence, k), Math.exp(-bar))
    const more = needed === null ? null : generationsUntil(candidate, k, policy)
    needed = needed === null || more === null ? null : Math.max(needed, more) // Every safer threshold must be certified first.
    return {
      threshold,
      lost,
      kept,
      gained,
      unprobed: evidence.unprobed[k]!,
      em_drop: trueDrop(emDrop(evidence, k), policy),
      /** Interval of the true EM drop, at the level of the certificate. */
      em_drop_low: trueDrop(low, policy),
      em_drop_high: trueDrop(high, policy),
      tokens_saved_ratio: tokensSavedRatio(evidence, k),
      tokens_saved_gross_ratio: grossSavedRatio(evidence, k),
      log_evidence: logEvidence(testedBound(policy), differencesOf(tested, k)),
      certified: k <= index,
      /** Control generations until it is certified, at the rates so far; `null`: more than `FORECAST_LIMIT`. */
      generations_needed: needed,
    }
  })
}

/** Control generations until the test of threshold k passes, at the rates so far; `null`: more than `FORECAST_LIMIT`. */
function generationsUntil (candidate: CandidateScorer, k: number, policy: Policy): number | null {
  const { tested, bar } = candidate
  const part = countedPart(candidate)
  const units = generationsToReach(testedBound(policy), differencesOf(tested, k), bar, part * FORECAST_LIMIT)
  return units && Math.ceil(units / part)
}

/** Control generations until the next threshold is certified, at the rates so far; `null`: too many, or all are certified. */
export function untilNext (candidate: CandidateScorer, policy: Policy): number | null {
  const next = Math.max(candidate.certified, certifiedNow(candidate, policy)) + 1
  return next === candidate.grid.length ? null : generationsUntil(candidate, next, policy)
}
