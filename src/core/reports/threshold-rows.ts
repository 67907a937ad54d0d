import { FORECAST_LIMIT, generationsToReach, logEvidence } from '../stats/certificate.js'
import { differencesAt, grossSavedRatio, tokensSavedRatio } from '../stats/evidence.js'
import { testedBound } from '../stats/judge-errors.js'
import { certifiedNow, type ScoredEvidence } from '../learn/scored-evidence.js'
import type { Policy } from '../policy/policy.js'
import { estimateDrop } from './context-facts.js'

/**
 * Describes the evidence for every threshold, safest first, by the generations that are accounted for. Only for `certified`
 * the others count as lost. Ratios and EM are fractions.
 */
export function describeThresholds (scored: ScoredEvidence, policy: Policy) {
  const { evidence, accounted, grid, bar } = scored
  const index = Math.max(scored.certified, certifiedNow(scored, policy))
  let needed: number | null = 0
  return grid.map((threshold, k) => {
    const lost = accounted.lost[k]!
    const gained = accounted.gained[k]!
    const kept = accounted.generations - lost - gained
    const { drop, low, high } = estimateDrop(accounted, k, Math.exp(-bar), policy)
    const more = needed === null ? null : generationsUntil(scored, k, policy)
    needed = needed === null || more === null ? null : Math.max(needed, more) // Every safer threshold must be certified first.
    return {
      threshold,
      lost,
      kept,
      gained,
      unprobed: accounted.unprobed[k]!,
      em_drop: drop,
      /** Interval of the true EM drop, at the level of the certificate. */
      em_drop_low: low,
      em_drop_high: high,
      tokens_saved_ratio: tokensSavedRatio(accounted, k),
      tokens_saved_gross_ratio: grossSavedRatio(accounted, k),
      log_evidence: logEvidence(testedBound(policy), differencesAt(evidence, k)),
      certified: k <= index,
      /** Control generations until it is certified, at the rates so far; `null`: more than `FORECAST_LIMIT`. */
      generations_needed: needed,
    }
  })
}

/** Control generations until the test of threshold k passes, at the rates so far; `null`: more than `FORECAST_LIMIT`. */
function generationsUntil (scored: ScoredEvidence, k: number, policy: Policy): number | null {
  return generationsToReach(testedBound(policy), differencesAt(scored.evidence, k), scored.bar, FORECAST_LIMIT)
}

/** Control generations until the next threshold is certified, at the rates so far; `null`: too many, or all are certified. */
export function untilNext (scored: ScoredEvidence, policy: Policy): number | null {
  const next = Math.max(scored.certified, certifiedNow(scored, policy)) + 1
  return next === scored.grid.length ? null : generationsUntil(scored, next, policy)
}
