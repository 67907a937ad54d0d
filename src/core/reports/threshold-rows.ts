import { FORECAST_LIMIT, generationsToReach, logEvidence } from '../certificate/certificate.js'
import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, grossSavedRatio, tokensSavedRatio } from '../certificate/evidence.js'
import { testedBound, trueDrop } from '../certificate/judge-errors.js'
import { differencesOf } from '../certificate/tested-evidence.js'
import { certifiedNow, countedPart, type ScoredEvidence } from '../contexts/scored-evidence.js'
import type { Policy } from '../policy/policy.js'

/**
 * Describes the evidence for every threshold, safest first, by the generations that are accounted for. Only for `certified`
 * the others count as lost. Ratios and EM are fractions.
 */
export function describeThresholds (scored: ScoredEvidence, policy: Policy) {
  const { evidence, tested, grid, bar } = scored
  const index = Math.max(scored.certified, certifiedNow(scored, policy))
  let needed: number | null = 0
  return grid.map((threshold, k) => {
    const lost = evidence.lost[k]!
    const gained = evidence.gained[k]!
    const kept = evidence.generations - lost - gained
    const { low, high } = emDropInterval(differencesAt(evidence, k), Math.exp(-bar))
    const more = needed === null ? null : generationsUntil(scored, k, policy)
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
function generationsUntil (scored: ScoredEvidence, k: number, policy: Policy): number | null {
  const { tested, bar } = scored
  const part = countedPart(scored)
  const units = generationsToReach(testedBound(policy), differencesOf(tested, k), bar, part * FORECAST_LIMIT)
  return units && Math.ceil(units / part)
}

/** Control generations until the next threshold is certified, at the rates so far; `null`: too many, or all are certified. */
export function untilNext (scored: ScoredEvidence, policy: Policy): number | null {
  const next = Math.max(scored.certified, certifiedNow(scored, policy)) + 1
  return next === scored.grid.length ? null : generationsUntil(scored, next, policy)
}
