/**
 * An e-detector for "the mean difference has risen above a" (Shin, Ramdas & Rinaldo 2022, "E-detectors"; CUSUM form). Each bet b runs its
 * wealth M = max(M, 1) (1 + b / (1 + a) (d - a)) over the differences d in [-1, 1]. An alarm is raised where the mean of M reaches 1e4: as
 * long as the mean difference is at most a, at least 1e4 of them lie between false alarms on average.
 */
export const ALARM = 1e4
/** M does not grow beyond this, so that a detector whose alarm a pin overrides comes down again. */
const CEILING = 1e9

/**
 * What was counted when a detector was last at its floor: nothing spoke for a change, so one has most likely begun since (Page 1954,
 * "Continuous inspection schemes").
 */
export interface Floor {
  /** By the log's clock, ms. */
  readonly at: number
  /** Units that it had seen, and the sum of their differences. */
  readonly units: number
  readonly sum: number
  /** Stops that had been reported. */
  readonly stops: number
}

/** What has happened since a detector was at its floor. Its drop is too large on average, since it is read when an alarm is raised. */
export interface SinceFloor {
  readonly since: number
  readonly units: number
  readonly em_drop: number
  readonly stops: number
}

export const NO_FLOOR: Floor = { at: 0, units: 0, sum: 0, stops: 0 }

/** @param now counted so far. @returns `null`: it is at its floor */
export function sinceFloor (floor: Floor, now: Omit<Floor, 'at'>): SinceFloor | null {
  const units = now.units - floor.units
  return units === 0 ? null : { since: floor.at, units, em_drop: (now.sum - floor.sum) / units, stops: now.stops - floor.stops }
}

/** M of each bet. */
export type Wealth = readonly number[]

interface DetectorOptions {
  readonly bets: readonly number[]
  /** Mean of M at which a change is suspected, and below which a suspicion is over. */
  readonly suspectedFrom: number
  readonly calmBelow: number
}

export class Detector {
  readonly start: Wealth
  readonly suspectedFrom: number
  readonly #bets: readonly number[]
  readonly #calmBelow: number

  constructor ({ bets, suspectedFrom, calmBelow }: DetectorOptions) {
    this.start = bets.map(() => 1)
    this.suspectedFrom = suspectedFrom
    this.#bets = bets
    this.#calmBelow = calmBelow
  }

  /** The wealth after a difference, or several equal ones. */
  watch (wealth: Wealth, difference: number, a: number, times = 1): Wealth {
    const stake = (difference - a) / (1 + a)
    let last = wealth
    for (let i = 0; i < times; i++) {
      const next = last.map((m, bet) => Math.min(CEILING, Math.max(m, 1) * (1 + this.#bets[bet]! * stake)))
      if (next.every((m, bet) => m === last[bet])) return last // so it would stay
      last = next
    }
    return last
  }

  /**
   * The wealth after the units of a slice, given by their difference, losses first. Of all orders this one leaves the detector lowest at
   * the end of the slice, where it is read.
   */
  watchSlice (wealth: Wealth, counts: ReadonlyArray<readonly [difference: number, units: number]>, a: number): Wealth {
    return [...counts].sort(([x], [y]) => y - x).reduce((last, [difference, units]) => this.watch(last, difference, a, units), wealth)
  }

  isAlarmed (wealth: Wealth): boolean { return suspicion(wealth) >= ALARM }

  /** @param was whether a change was suspected before */
  isSuspected (wealth: Wealth, was = false): boolean { return suspicion(wealth) >= (was ? this.#calmBelow : this.suspectedFrom) }
}

export function isAtFloor (wealth: Wealth): boolean { return suspicion(wealth) === 1 }

/** The mean of M, at least 1: the evidence of a change. */
export function suspicion (wealth: Wealth): number {
  return Math.max(1, wealth.reduce((sum, m) => sum + m, 0) / wealth.length)
}
