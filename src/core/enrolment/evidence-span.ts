import { murmur3 } from '../assignment/hash.js'

/**
 * A first certificate takes some two hundred units, and units that come within a minute say little about the hour. So evidence of age T
 * counts at most N0 max(1, T / span) units a span, as a share of the traffic: a number a minute would let quiet minutes outweigh busy
 * ones. N0 is the number of lossless units of a first certificate. Units that do not count still feed the detectors of drift and breach.
 */

/** Bins of a span. */
const BINS = 64

/**
 * The busiest stretch is of at least this time and of this many control units. The busiest of many shorter ones would be their noise: at a
 * share of a tenth and one generation a second it showed twice the traffic, which made the share fall further.
 */
const MINUTE = 60_000
const LEAST_UNITS = 48

export interface StoredTraffic {
  /** Number of the newest bin since the clock began, and of the first one; `null`: there was no enrolment. */
  readonly bin: number
  readonly first: number | null
  /** By bin, as a ring: control units, the generations that they stand for, and the largest rate. */
  readonly units: readonly number[]
  readonly counts: readonly number[]
  readonly peaks: readonly number[]
}

const NO_TRAFFIC: StoredTraffic = { bin: 0, first: null, units: [], counts: [], peaks: [] }

/** How many generations of a context begin in a span, as its control enrolments show. Times by the follow-up clock, ms. */
export class Traffic {
  #bin: number
  #first: number | null
  #units: number[]
  #counts: number[]
  #peaks: number[]

  constructor ({ bin, first, units, counts, peaks }: StoredTraffic = NO_TRAFFIC) {
    this.#bin = bin
    this.#first = first
    this.#units = [...units]
    this.#counts = [...counts]
    this.#peaks = [...peaks]
  }

  store (): StoredTraffic {
    return { bin: this.#bin, first: this.#first, units: [...this.#units], counts: [...this.#counts], peaks: [...this.#peaks] }
  }

  /**
   * Adds the control units of an entry.
   * @param generations that they stand for
   * @returns the rate that counts now, generations a span: the largest of the last span, so that it rises at once and falls after a span
   */
  add (units: number, generations: number, clock: number, span: number): number {
    this.#advance(clock, span)
    if (this.#first === null) {
      this.#first = this.#bin
      this.#units = new Array<number>(BINS).fill(0)
      this.#counts = new Array<number>(BINS).fill(0)
      this.#peaks = new Array<number>(BINS).fill(0)
    }
    const place = this.#bin % BINS
    this.#units[place]! += units
    this.#counts[place]! += generations
    this.#peaks[place] = Math.max(this.#peaks[place]!, this.#rateNow(span))
    return Math.max(...this.#peaks)
  }

  /** The rate that counts now, generations a span. */
  rate (clock: number, span: number): number {
    if (this.#first === null) return 0
    this.#advance(clock, span)
    return Math.max(...this.#peaks)
  }

  #advance (clock: number, span: number): void {
    const bin = Math.floor(clock * BINS / span)
    if (bin <= this.#bin) return
    if (this.#first !== null) {
      for (let gone = Math.max(this.#bin + 1, bin - BINS + 1); gone <= bin; gone++) {
        this.#units[gone % BINS] = this.#counts[gone % BINS] = this.#peaks[gone % BINS] = 0
      }
    }
    this.#bin = bin
  }

  /**
   * The last span, or its busiest stretch scaled to a span if that is more: a burst after quiet hours would otherwise be taken whole. In
   * the first span, the whole of it while it has fewer control units than a stretch.
   */
  #rateNow (span: number): number {
    const isFirst = this.#bin - this.#first! + 1 < BINS
    const first = isFirst ? this.#first! : this.#bin - BINS + 1
    const least = Math.min(BINS, Math.max(1, Math.round(MINUTE * BINS / span)))
    let busiest = isFirst ? 0 : this.#counts.reduce((sum, count) => sum + count, 0)
    for (let end = this.#bin; end >= first; end--) {
      let [units, generations, bins] = [0, 0, 0]
      for (let bin = end; bin >= first && (bins < least || units < LEAST_UNITS); bin--, bins++) {
        units += this.#units[bin % BINS]!
        generations += this.#counts[bin % BINS]!
      }
      if (units < LEAST_UNITS && end < this.#bin) break
      busiest = Math.max(busiest, generations * BINS / Math.max(least, bins))
    }
    return busiest
  }
}

/**
 * The pace of a unit, fixed at its enrolment: evidence that counts more units a span than this counts it. Returning units get another pace
 * each time. 0: it always counts.
 * @param rate generations a span
 */
export function paceOf (u: number, at: number, share: number, rate: number): number {
  return rate === 0 ? 0 : murmur3(`pace:${at}:${u}`) / 0x1_0000_0000 * share * rate
}

/** @param units N0; @param span ms; 0: all units count */
export interface SpanRule { readonly units: number, readonly span: number }

/** Whether a unit counts in evidence that began at a time of the follow-up clock, ms. */
export function countsWithin (began: number, { at, pace }: { readonly at: number, readonly pace: number }, rule: SpanRule): boolean {
  return pace === 0 || pace < unitsPerSpan(began, at, rule)
}

/** The largest number of units a span that evidence of this age counts. */
function unitsPerSpan (began: number, clock: number, { units, span }: SpanRule): number {
  return units * Math.max(1, (clock - began) / span)
}

/** The largest control share whose units would count; the rest would be probed for nothing. */
const SPARE = 1.25

export function widestUsefulShare (began: number, rate: number, clock: number, rule: SpanRule): number {
  return rule.span === 0 || rate === 0 ? 1 : SPARE * unitsPerSpan(began, clock, rule) / rate
}
