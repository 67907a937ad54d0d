import type { ServedDifference } from '../outcome/observed-stop.js'
import { ALARM, Detector, type Floor, isAtFloor, NO_FLOOR, type SinceFloor, sinceFloor, suspicion, type Wealth } from './detector.js'
import { emDropInterval } from '../stats/em-drop-interval.js'

/**
 * Fidelity: whether the answer served after a stop is the probed one. The EM lost by stopping has two parts: full run
 * against probe, which control generations show and the certificate bounds, and probe against served answer, which each stop shows.
 */

/** Sums over the treated generations of an epoch while a threshold was in force. */
export interface Fidelity {
  /** Treated generations; of a group one sample. */
  readonly generations: number
  /** Stops, and those of them that served the probed answer. */
  readonly stops: number
  readonly equal: number
  /** The same of late. They are halved when there are 512. */
  readonly recent: { readonly all: number, readonly equal: number }
  /** Stops whose difference is 1 or -1, and stops that wait for a label, their own or that of an earlier one (see `StopQueue`). */
  readonly lost: number
  readonly gained: number
  readonly queued: number
  /** Of breach, over generations in the order of their outcomes. */
  readonly detector: Wealth
  readonly floor: Floor
}

/**
 * Breach: the mean difference between probes and served answers has risen above a quarter of `max_em_drop`. Where sampled answers are drawn
 * again, they differ both ways without any loss. Small bets and a late suspicion outlast that noise.
 */
export const BREACH = new Detector({ bets: [1, 2, 3, 4, 5, 6, 7].map((i) => 2 ** -i), suspectedFrom: 100, calmBelow: 1.2 })

export const NO_FIDELITY: Fidelity = {
  generations: 0,
  stops: 0,
  equal: 0,
  recent: { all: 0, equal: 0 },
  lost: 0,
  gained: 0,
  queued: 0,
  detector: BREACH.start,
  floor: NO_FLOOR,
}

/**
 * Fidelity of the epoch after a breach. The detector is scaled down to a tenth of an alarm: control generations cannot show whether the
 * cause is gone, so the threshold will be certified again. If it is not gone, a few losses more suffice for the bets that found it; if it
 * is, these bets soon lose their wealth, and the chance of a false alarm is about a tenth (Ville's inequality).
 */
export function afterBreach ({ detector }: Fidelity): Fidelity {
  const scale = ALARM / 10 / suspicion(detector)
  return { ...NO_FIDELITY, detector: detector.map((m) => scale * m) }
}

/** The part of `max_em_drop` that the difference between probe and served answer may reach without an alarm. */
const TOLERATED = 1 / 4

/**
 * Counts a treated generation. The detector takes its difference separately, once it is known.
 * @param stop `undefined`: it was not stopped
 */
export function countTreated (fidelity: Fidelity, stop: { readonly isEqual: boolean } | undefined): Fidelity {
  const generations = fidelity.generations + 1
  if (stop === undefined) return { ...fidelity, generations }
  const equal = stop.isEqual ? 1 : 0
  return { ...fidelity, generations, stops: fidelity.stops + 1, equal: fidelity.equal + equal, recent: addRecent(fidelity.recent, equal) }
}

const MOST_RECENT = 512

function addRecent ({ all, equal }: Fidelity['recent'], isEqual: 0 | 1): Fidelity['recent'] {
  const scale = all + 1 === MOST_RECENT ? 1 / 2 : 1
  return { all: scale * (all + 1), equal: scale * (equal + isEqual) }
}

/** Stops from which their share of equal answers is reported, and the share below which it is low. */
const ENOUGH_STOPS = 32
const LOW_FIDELITY = 0.95

/** Whether many of the recent stops served another answer than was probed. */
export function hasLowFidelity ({ recent: { all, equal } }: Fidelity): boolean {
  return all >= ENOUGH_STOPS && equal < LOW_FIDELITY * all
}

/**
 * Stops over all epochs: those that served the probed answer, those that served another one, those that a budget ended without a probe,
 * and those whose outcome was refused, or has nothing to compare.
 */
export interface StopTotals { readonly probed: number, readonly other: number, readonly unprobed: number, readonly refused: number }

export const NO_STOPS: StopTotals = { probed: 0, other: 0, unprobed: 0, refused: 0 }

/** The totals with the stops that were counted between two states of an epoch's fidelity. */
export function addStops (totals: StopTotals, before: Fidelity, after: Fidelity): StopTotals {
  if (after === before) return totals
  const equal = after.equal - before.equal
  return { ...totals, probed: totals.probed + equal, other: totals.other + after.stops - before.stops - equal }
}

/** Counts a stop that waits for a label. */
export function countQueued (fidelity: Fidelity): Fidelity { return { ...fidelity, queued: fidelity.queued + 1 } }

/** Adds one difference that is known, and lets the detector see it. @param maxEmDrop of the policy */
export function addDifference (fidelity: Fidelity, difference: ServedDifference, maxEmDrop: number): Fidelity {
  return {
    ...fidelity,
    lost: fidelity.lost + (difference === 1 ? 1 : 0),
    gained: fidelity.gained + (difference === -1 ? 1 : 0),
    detector: BREACH.watch(fidelity.detector, difference, TOLERATED * maxEmDrop),
  }
}

/** Notes the counts while the detector is at its floor. @param at by the log's clock, ms */
export function noteFloor (fidelity: Fidelity, at: number): Fidelity {
  return isAtFloor(fidelity.detector) ? { ...fidelity, floor: countedAt(fidelity, at) } : fidelity
}

/** What stops have lost since the detector was at its floor. */
export function lostSinceFloor (fidelity: Fidelity): SinceFloor | null { return sinceFloor(fidelity.floor, countedAt(fidelity, 0)) }

function countedAt ({ generations, lost, gained, stops }: Fidelity, at: number): Floor {
  return { at, units: generations, sum: lost - gained, stops }
}

/** Lets the detector see many generations without a difference. */
export function addUnchanged (fidelity: Fidelity, generations: number, maxEmDrop: number): Fidelity {
  return { ...fidelity, detector: BREACH.watch(fidelity.detector, 0, TOLERATED * maxEmDrop, generations) }
}

/** Share of the stops whose served answer is the probed one; `null`: none was reported. */
export function fidelityRatio ({ stops, equal }: Fidelity): number | null { return stops === 0 ? null : equal / stops }

/**
 * Mean difference over all treated generations, with an interval that stays valid however often one looks. Stops that wait for a label
 * count as lost in its upper end.
 * @returns fractions; `null`: no stop was reported
 */
export function servedDifference (
  fidelity: Fidelity, level: number
): { readonly estimate: number, readonly low: number, readonly high: number } | null {
  const { generations, stops, lost, gained, queued } = fidelity
  if (stops === 0) return null
  const interval = (lost: number) => emDropInterval({ lost, kept: generations - lost - gained, gained }, level)
  return { estimate: (lost - gained) / generations, low: interval(lost).low, high: interval(lost + queued).high }
}

export function fidelitySuspicion ({ detector }: Fidelity): number { return suspicion(detector) }
