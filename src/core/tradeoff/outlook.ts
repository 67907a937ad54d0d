import { generationsToReach, logEvidence } from '../certificate/certificate.js'
import { certifiedIndex } from '../certificate/certified-index.js'
import { differencesAt, grossSavedRatio, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import type { Policy } from '../policy/policy.js'
import { medianPassage } from './first-passage.js'
import type { Pace } from './pace.js'

/** Horizons of the forecast, in control generations from now. */
const HORIZONS = [100, 300, 1000, 3000, 10_000]

/**
 * Forecasts certificates at the rates of loss, gain and arrival so far. Indexes are those of the grid, -1 for none; times are ms, `null` if
 * unknown.
 * @param bar ln of the E-value that certifies a threshold
 * @returns the loosest certified threshold (`ceiling`), the next one to be certified (`null`: none is expected within an evidence window,
 *   or all are), and what will be certified after some numbers of further control generations
 */
export function outlookOf (evidence: Evidence, policy: Policy, bar: number, pace: Pace) {
  const { max_em_drop: a, evidence_window: window } = policy
  const { generations: n, lost } = evidence
  const ceiling = certifiedIndex(evidence, a, bar)
  const more = n === 0 || ceiling === lost.length - 1 ? null : generationsUntilCertified(evidence, ceiling + 1, policy, bar)
  const horizons = n === 0
    ? []
    : HORIZONS.filter((generations) => generations <= window).map((generations) => {
      const index = certifiedIndex(grown(evidence, Math.min(n + generations, Math.max(n, window))), a, bar)
      const tokens_saved_ratio = index === -1 ? 0 : tokensSavedRatio(evidence, index)
      const tokens_saved_gross_ratio = index === -1 ? 0 : grossSavedRatio(evidence, index)
      return { generations, index, tokens_saved_ratio, tokens_saved_gross_ratio, at: timeOf(generations, pace) }
    })
  const next = more === null ? null : { index: ceiling + 1, generations: more, at: timeOf(more, pace) }
  return { ceiling, next, horizons }
}

/** Median number of control generations until threshold k is certified, at the rates so far; `null`: more than an evidence window. */
function generationsUntilCertified (evidence: Evidence, k: number, policy: Policy, bar: number): number | null {
  const { max_em_drop: a, evidence_window: window } = policy
  const seen = differencesAt(evidence, k)
  const mean = generationsToReach(a, seen, bar, window)
  if (mean === null || mean === 0) return mean
  const now = logEvidence(a, seen)
  const step = (field: 'lost' | 'kept' | 'gained'): [number, number] =>
    [seen[field] / evidence.generations, logEvidence(a, { ...seen, [field]: seen[field] + 1 }) - now]
  const steps = [step('lost'), step('kept'), step('gained')]
  const drift = steps.reduce((sum, [rate, step]) => sum + rate * step, 0)
  const variance = steps.reduce((sum, [rate, step]) => sum + rate * (step - drift) ** 2, 0)
  return Math.ceil(medianPassage(mean, bar - now, variance))
}

/** The evidence that as many generations would give at the rates seen. */
function grown (evidence: Evidence, to: number): Evidence {
  const times = to / evidence.generations
  const scale = (counts: readonly number[]) => counts.map((count) => count * times)
  const { partial } = evidence
  return {
    ...evidence,
    generations: to,
    lost: scale(evidence.lost),
    gained: scale(evidence.gained),
    ...(partial !== undefined && { partial: Object.fromEntries(Object.entries(partial).map(([name, units]) => [name, scale(units)])) }),
  }
}

/** When that many more generations will have arrived; `null` if the rate is unknown, or feedback has stalled and the time has passed. */
function timeOf (generations: number, { now, since, perSecond }: Pace): number | null {
  if (perSecond === null || perSecond <= 0) return null
  const at = since + 1000 * generations / perSecond
  return at < now ? null : at
}
