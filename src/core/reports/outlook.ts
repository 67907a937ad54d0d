import { type Differences, FORECAST_LIMIT, generationsToReach, logEvidence, reaches, unitsOf } from '../stats/certificate.js'
import { loosestPassing } from '../stats/certified-threshold.js'
import { differencesAt, grossSavedRatio, thresholdsOf, tokensSavedRatio } from '../stats/evidence.js'
import { testedBound } from '../stats/judge-errors.js'
import type { ContextState } from '../learn/context-state.js'
import { knownEvidence } from '../evidence/gathered-evidence.js'
import { certifiedNow, type ScoredEvidence } from '../learn/scored-evidence.js'
import type { Policy } from '../policy/policy.js'

/** Horizons of the forecast, in control generations from now. */
const HORIZONS = [100, 300, 1000, 3000, 10_000]

/** The evidence for the thresholds. */
export type Forecastable = Pick<ScoredEvidence, 'evidence' | 'unaccounted' | 'span' | 'bar' | 'certified'>

/**
 * Forecasts certificates at the rates of loss, gain and arrival so far. Indexes are those of the grid, -1 for none; times are ms, `null` if
 * unknown.
 * @returns the loosest certified threshold (`ceiling`), the next one to be certified (`null`: none is expected within
 *   `FORECAST_LIMIT`, or all are), and what will be certified after some numbers of further control generations
 */
export function outlookOf (scored: Forecastable, policy: Policy, pace: Pace) {
  const { evidence, certified } = scored
  const ceiling = Math.max(certified, certifiedNow(scored, policy))
  const isOver = evidence.generations === 0 || ceiling === thresholdsOf(evidence) - 1
  const more = isOver ? null : generationsUntilCertified(scored, ceiling + 1, policy)
  const horizons = evidence.generations === 0
    ? []
    : HORIZONS.map((generations) => {
      const at = timeOf(generations, pace)
      const index = isSpanOver(at, pace) ? ceilingAfter(scored, ceiling, generations, policy) : ceiling
      const tokens_saved_ratio = index === -1 ? 0 : tokensSavedRatio(evidence, index)
      const tokens_saved_gross_ratio = index === -1 ? 0 : grossSavedRatio(evidence, index)
      return { generations, index, tokens_saved_ratio, tokens_saved_gross_ratio, at }
    })
  const next = more === null ? null : { index: ceiling + 1, generations: more, at: certifiedAt(more, pace) }
  return { ceiling, next, horizons }
}

/** Median number of control generations until threshold k is certified, at the rates so far; `null`: more than `FORECAST_LIMIT`. */
function generationsUntilCertified (scored: Forecastable, k: number, policy: Policy): number | null {
  const { evidence, unaccounted, bar } = scored
  const a = testedBound(policy)
  const seen = differencesAt(evidence, k, unaccounted)
  const mean = generationsToReach(a, seen, bar, FORECAST_LIMIT)
  return mean && Math.ceil(medianOf({ seen, bar, mean }, a))
}

/** @param mean units until the evidence seen reaches its bar, at the mean rate */
function medianOf ({ seen, bar, mean }: { readonly seen: Differences, readonly bar: number, readonly mean: number }, a: number): number {
  const units = unitsOf(seen)
  if (mean === 0 || units === 0) return mean
  const now = logEvidence(a, seen)
  const step = (field: 'lost' | 'kept' | 'gained'): [number, number] =>
    [seen[field] / units, logEvidence(a, { ...seen, [field]: seen[field] + 1 }) - now]
  const steps = [step('lost'), step('kept'), step('gained')]
  const drift = steps.reduce((sum, [rate, step]) => sum + rate * step, 0)
  const variance = steps.reduce((sum, [rate, step]) => sum + rate * (step - drift) ** 2, 0)
  return medianPassage(mean, bar - now, variance)
}

/** The loosest threshold that so many more control generations would certify at the rates seen. */
function ceilingAfter (scored: Forecastable, ceiling: number, generations: number, policy: Policy): number {
  const a = testedBound(policy)
  const { evidence, unaccounted, bar } = scored
  const isReached = (k: number) => reaches(a, grownBy(differencesAt(evidence, k, unaccounted), generations), bar)
  return loosestPassing(isReached, thresholdsOf(evidence), ceiling)
}

/** The differences with so many more units, at the rates seen. */
function grownBy ({ lost, kept, gained, partial = [] }: Differences, units: number): Differences {
  const seen = unitsOf({ lost, kept, gained, partial })
  if (seen === 0) return { lost, kept: kept + units, gained }
  const times = 1 + units / seen
  const grown = partial.map(([eighths, count]) => [eighths, count * times] as const)
  return { lost: lost * times, kept: kept * times, gained: gained * times, partial: grown }
}

/** When that many more generations will have arrived; `null` if the rate is unknown, or feedback has stalled and the time has passed. */
function timeOf (generations: number, { now, since, perSecond }: Pace): number | null {
  if (perSecond === null || perSecond <= 0) return null
  const at = since + 1000 * generations / perSecond
  return at < now ? null : at
}

/** The same for a certificate, which waits for the end of the span (rule E8). */
function certifiedAt (generations: number, pace: Pace): number | null {
  const at = timeOf(generations, pace)
  return isSpanOver(at, pace) ? at : pace.spanEnds
}

function isSpanOver (at: number | null, { now, spanEnds }: Pace): boolean { return spanEnds === null || (at ?? now) >= spanEnds }

/**
 * Median time until a random walk first passes a bar. The walk is approximated by a Brownian motion with drift, whose first passage time is
 * inverse Gaussian (Schroedinger 1915; Folks & Chhikara 1978). The median is below the mean.
 * @param mean time that the drift alone takes, above 0
 * @param distance to the bar, above 0
 * @param variance of the walk per unit of time
 */
export function medianPassage (mean: number, distance: number, variance: number): number {
  const shape = variance > 0 ? distance * distance / variance : Infinity
  if (shape / mean > 1000) return mean
  let [low, high] = [0, mean]
  while (high - low > 1e-6 * mean) {
    const middle = (low + high) / 2
    if (passedBy(middle, mean, shape) < 0.5) low = middle; else high = middle
  }
  return high
}

/** Probability that the walk has passed the bar by this time (Chhikara & Folks 1989, eq. 2.17). */
function passedBy (time: number, mean: number, shape: number): number {
  const root = Math.sqrt(shape / time)
  const late = logNormalTail(root * (time / mean + 1))
  return 1 - Math.exp(logNormalTail(root * (time / mean - 1))) + Math.exp(2 * shape / mean + late)
}

const ERFC = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
]

/** ln P(Z > z) for a standard normal Z, with a relative error below 2e-7 (Press et al. 1992, "Numerical Recipes", section 6.2, erfcc). */
function logNormalTail (z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 2 / (2 + x)
  const log = Math.log(t / 2) - x * x + ERFC.reduceRight((sum, term) => sum * t + term, 0)
  return z >= 0 ? log : Math.log1p(-Math.exp(log))
}

/** Generations of evidence that an estimate of the rate needs at least. */
const MIN_EVIDENCE = 10

/** The rate at which evidence arrives. */
export interface Pace {
  /** ms. */
  readonly now: number
  /** Time of the last entry that was counted, ms. */
  readonly since: number
  /** Generations of evidence per second; `null`: unknown. */
  readonly perSecond: number | null
  /** When the evidence will span the time that a certificate needs, ms; `null`: it does. */
  readonly spanEnds: number | null
}

/**
 * How fast evidence comes in, from the epoch so far by the log's clock: its generations, times the control share of now. Contexts that
 * gather no evidence have no pace.
 */
export function paceOf (state: ContextState, now: number): Pace {
  const { reports: { updated_at: since, generations }, epoch: { started_at: start, meaning }, rule, evidence: { span } } = state
  const { control_share: share } = rule
  const spanEnds = span.known === null ? start + 1000 * meaning.evidence_span_seconds : null
  const pace = (perSecond: number | null): Pace => ({ now, since, perSecond, spanEnds })
  if (knownEvidence(state.evidence).generations < MIN_EVIDENCE || since <= start) return pace(null)
  return pace(generations / ((since - start) / 1000) * share)
}
