import { certifiedIndex, generationsToReach, logEvidence } from '../certificate/certificate.js'
import { tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import type { Policy } from '../policy/policy.js'
import { medianPassage } from './first-passage.js'

/** Control generations ahead. */
const HORIZONS = [100, 300, 1000, 3000, 10_000]

/** What would be certified after that many more control generations, if losses and wins go on at the rates seen. */
export interface Horizon {
  readonly generations: number
  /** Grid index, -1 for none. */
  readonly index: number
  readonly tokens_saved_ratio: number
  /** When that many will have come, ms; `null`: not foreseeable. */
  readonly at: number | null
}

/** The next certificate: the first threshold past those that hold now. */
export interface NextCertificate {
  readonly index: number
  readonly generations: number
  readonly at: number | null
}

/** Where the thresholds are heading. */
export interface Outlook {
  /** Of those certified now, the loosest; -1 for none. */
  readonly ceiling: number
  /** `null`: at the rates seen there is none within a window, or every threshold is certified. */
  readonly next: NextCertificate | null
  readonly horizons: readonly Horizon[]
}

/** What the times are reckoned by, ms, and generations of evidence a second; `null`: nothing to go by. */
export interface Pace { readonly now: number, readonly since: number, readonly perSecond: number | null }

/** @param bar ln of what E must reach */
export function outlookOf (evidence: Evidence, policy: Policy, bar: number, pace: Pace): Outlook {
  const { max_em_drop: a, evidence_window: window } = policy
  const { generations: n, lost } = evidence
  const ceiling = certifiedIndex(evidence, a, bar)
  const more = n === 0 || ceiling === lost.length - 1 ? null : untilPassed(evidence, ceiling + 1, policy, bar)
  const horizons = n === 0
    ? []
    : HORIZONS.filter((generations) => generations <= window).map((generations) => {
      const index = certifiedIndex(grown(evidence, Math.min(n + generations, Math.max(n, window))), a, bar)
      const tokens_saved_ratio = index === -1 ? 0 : tokensSavedRatio(evidence, index)
      return { generations, index, tokens_saved_ratio, at: timeOf(generations, pace) }
    })
  const next = more === null ? null : { index: ceiling + 1, generations: more, at: timeOf(more, pace) }
  return { ceiling, next, horizons }
}

/** Control generations until threshold k passes, in the median, at the rates seen; `null`: not within a window. */
function untilPassed (evidence: Evidence, k: number, policy: Policy, bar: number): number | null {
  const { max_em_drop: a, evidence_window: window } = policy
  const { generations: n, lost: { [k]: lost = 0 }, gained: { [k]: gained = 0 } } = evidence
  const kept = n - lost - gained
  const mean = generationsToReach(a, n, lost, gained, bar, window)
  if (mean === null || mean === 0) return mean
  const now = logEvidence(a, lost, kept, gained)
  const steps: [number, number][] = [
    [lost / n, logEvidence(a, lost + 1, kept, gained) - now],
    [kept / n, logEvidence(a, lost, kept + 1, gained) - now],
    [gained / n, logEvidence(a, lost, kept, gained + 1) - now],
  ]
  const drift = steps.reduce((sum, [rate, step]) => sum + rate * step, 0)
  const variance = steps.reduce((sum, [rate, step]) => sum + rate * (step - drift) ** 2, 0)
  return Math.ceil(medianPassage(mean, bar - now, variance))
}

/** The counts that as many generations would have at the rates seen. */
function grown ({ generations, lost, gained }: Evidence, to: number) {
  const times = to / generations
  return { generations: to, lost: lost.map((count) => count * times), gained: gained.map((count) => count * times) }
}

/** When that many more will have come; `null` without a rate, or where they ought to have come by now: feedback has stalled. */
function timeOf (generations: number, { now, since, perSecond }: Pace): number | null {
  if (perSecond === null || perSecond <= 0) return null
  const at = since + 1000 * generations / perSecond
  return at < now ? null : at
}
