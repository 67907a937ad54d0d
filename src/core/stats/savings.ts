import { addProducts, type Estimate, NO_PRODUCTS, type Products, productsOf, squaresAbout, studentQuantile, type UnitSoFar } from './weighted-sums.js'

// Tokens that stops have saved, estimated from control generations (Hájek's estimator; Särndal, Swensson & Wretman 1992, "Model Assisted
// Survey Sampling", chapter 5).

/**
 * Sums over all epochs, taken while stops were real: a certified threshold was in force, in mode "enforce" and without a pin. A control
 * unit is a generation or a group. Drawn at control share p, it stands for (1 - p)/p treated units. Where only a part r of the units is
 * enrolled, it stands for 1/r times as many, so that the sums of contexts with different parts can be added. That is its weight w.
 */
export interface Savings {
  readonly treated: {
    readonly generations: number
    /** Tokens that they generated after the probe that stopped them: answers, and tokens before a late stop took effect. */
    readonly tokens: number
  }
  readonly control: {
    /** Samples, and the tokens that they generated after the threshold in force was crossed; both weighted. */
    readonly samples: number
    readonly tokens: number
    readonly weighted: Products
    readonly squared: Products
  }
}

export const NO_SAVINGS: Savings = {
  treated: { generations: 0, tokens: 0 },
  control: { samples: 0, tokens: 0, weighted: NO_PRODUCTS, squared: NO_PRODUCTS },
}

/** Adds a treated sample. @param tokens generated after the probe that stopped it; 0 if nothing did */
export function addTreated ({ treated: { generations, tokens: sum }, control }: Savings, tokens: number): Savings {
  return { treated: { generations: generations + 1, tokens: sum + tokens }, control }
}

/** The samples of a unit that were counted, and the tokens that they generated after their crossings. */
export interface CountedSamples { readonly samples: number, readonly tokens: number }

export function addSaved (earlier: CountedSamples | undefined, tokens: number): CountedSamples {
  return { samples: (earlier?.samples ?? 0) + 1, tokens: (earlier?.tokens ?? 0) + tokens }
}

function unitSoFar (earlier: CountedSamples | undefined): UnitSoFar | undefined {
  return earlier && { samples: earlier.samples, sum: earlier.tokens }
}

/** How many treated units a control unit stands for. @param share, enrolled see `addControl` */
export function weightOf (share: number, enrolled: number): number { return (1 - share) / (share * enrolled) }

/**
 * Adds a control sample.
 * @param tokens generated after it crossed the threshold in force; 0 if it never did
 * @param share control share at which its unit was drawn, above 0
 * @param earlier samples of its unit
 * @param enrolled part of the units that is enrolled, above 0
 */
export function addControl (
  { treated, control }: Savings, tokens: number, share: number, earlier?: CountedSamples, enrolled = 1): Savings {
  const weight = weightOf(share, enrolled)
  const products = productsOf(tokens, unitSoFar(earlier))
  return {
    treated,
    control: {
      samples: control.samples + weight,
      tokens: control.tokens + weight * tokens,
      weighted: addProducts(control.weighted, products, weight),
      squared: addProducts(control.squared, products, weight * weight),
    },
  }
}

/** The sums of two parts. */
export function sumSavings (a: Savings, b: Savings): Savings { return plus(a, b, 1) }

/** The part of the sums that came after some earlier ones. */
export function savingsSince (then: Savings, now: Savings): Savings { return plus(now, then, -1) }

function plus (a: Savings, b: Savings, sign: 1 | -1): Savings {
  return {
    treated: {
      generations: a.treated.generations + sign * b.treated.generations,
      tokens: a.treated.tokens + sign * b.treated.tokens,
    },
    control: {
      samples: a.control.samples + sign * b.control.samples,
      tokens: a.control.tokens + sign * b.control.tokens,
      weighted: addProducts(a.control.weighted, b.control.weighted, sign),
      squared: addProducts(a.control.squared, b.control.squared, sign),
    },
  }
}

/** The sums at the beginning of a day, and the result of the day before. */
export interface DailySavings {
  /** When the day began, ms. */
  readonly since: number
  readonly savings: Savings
  readonly probe_tokens: number
  /** Whether a threshold has been in force since then without being counted in the savings: a pin, or one in mode `shadow`. */
  readonly is_uncounted: boolean
  /** Generations of either arm that were reported since then, and when the last one was, ms. */
  readonly generations: number
  readonly latest: number
  /** Generations of the last 24 hours of the day before; `null`: there was none. */
  readonly last_generations: number | null
  /** Tokens that the last whole day saved, less those of its probes; `null`: none is over, or that is unknown of it. */
  readonly net: number | null
}

const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** A day that begins now, of a new context. */
export function firstDay (time: number): DailySavings {
  const none = { savings: NO_SAVINGS, probe_tokens: 0, is_uncounted: false, generations: 0, last_generations: null, net: null }
  return { ...none, since: time, latest: time }
}

/** Sums up to now. */
interface Totals { readonly sums: Savings, readonly probe_tokens: number }

/** Counts a generation that was reported now, and ends the day if it is over. @param isUncounted as `is_uncounted`, of the generation */
export function advanceDay (day: DailySavings, { sums: savings, probe_tokens }: Totals, isUncounted: boolean, time: number): DailySavings {
  const is_uncounted = day.is_uncounted || isUncounted
  if (time < day.since + DAY) { // written out: a spread takes ten times as long
    return {
      since: day.since,
      savings: day.savings,
      probe_tokens: day.probe_tokens,
      is_uncounted,
      generations: day.generations + 1,
      latest: time,
      last_generations: day.last_generations,
      net: day.net,
    }
  }
  const saved = is_uncounted ? null : estimateSavings(savingsSince(day.savings, savings))
  const net = saved === null ? null : saved.estimate - (probe_tokens - day.probe_tokens)
  const last_generations = recentOf(day, time) + 1
  return { since: time, savings, probe_tokens, is_uncounted: false, generations: 0, latest: time, last_generations, net }
}

/**
 * Generations of a day that were reported within 24 hours before now. A day ends with the first report after 24 hours, so it may be longer:
 * its generations are taken to be spread evenly up to the last one.
 */
function recentOf ({ since, generations, latest }: DailySavings, now: number): number {
  const start = now - DAY
  if (since >= start) return generations
  return latest <= start ? 0 : generations * (latest - start) / (latest - since)
}

/**
 * Generations of the last 24 hours: those that were reported since the day began, and the share of the day before that completes it. In the
 * first day of a context the rate so far stands for all of the day. `null`: less than an hour is known, or another least time, ms.
 */
export function generationsPerDay (day: DailySavings, now: number, least = HOUR): number | null {
  const { since, generations, last_generations: last } = day
  const passed = Math.max(0, now - since)
  if (passed >= DAY) return recentOf(day, now)
  if (last !== null) return generations + last * (1 - passed / DAY)
  return passed < least ? null : generations * DAY / passed
}

/** Time after which a rate is shown, ms. */
const SHOWN_AFTER = 60_000

/** Generations an hour, a mean over the last 24 hours. `null`: less than a minute is known. */
export function generationsPerHour (day: DailySavings, now: number): number | null {
  const perDay = generationsPerDay(day, now, SHOWN_AFTER)
  return perDay === null ? null : perDay * HOUR / DAY
}

/** Effective number of control units from which on an estimate is shown. */
const ENOUGH = 5
/** Relative standard error up to which an estimate is shown. */
const LARGEST_ERROR = 0.5

export type SavingsEstimate = Estimate

/**
 * Tokens that treated generations have saved, probes not counted, with a 95 % interval; `null` while control units are too few.
 *
 * With N treated generations, which used u tokens after their crossings, the estimate is N m - u, where m = sum(w t) / sum(w n) is the
 * weighted mean of the control samples. By linearisation, the error of N m has the variance (N/W)^2 sum(w^2 e^2) + (N/W) sum(w e^2), with
 * W = sum(w n) and e = t - m n. The second term is that of the treated generations themselves, whose u is known but not their full runs.
 *
 * A few long generations may save most of the tokens. So the interval of N m is symmetric in its logarithm, and both Student's t and the
 * variance take the effective number of units, (sum w t)^2 / sum((w t)^2). See docs/evidence/savings.md for the coverage.
 */
export function estimateSavings ({ treated, control }: Savings): SavingsEstimate | null {
  if (treated.generations === 0) return { estimate: 0, low: 0, high: 0 }
  const units = control.tokens === 0 ? 0 : control.tokens ** 2 / control.squared.tt
  if (units < ENOUGH) return null
  const mean = control.tokens / control.samples
  const scale = treated.generations / control.samples
  const full = treated.generations * mean
  const variance = scale * scale * squaresAbout(mean, control.squared) + scale * squaresAbout(mean, control.weighted)
  const error = Math.sqrt(variance * units / (units - 1)) / full
  if (error > LARGEST_ERROR) return null
  const factor = Math.exp(studentQuantile(units - 1) * error)
  return { estimate: full - treated.tokens, low: full / factor - treated.tokens, high: full * factor - treated.tokens }
}
