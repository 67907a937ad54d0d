import { ALARM, type Drift, NO_DRIFT, suspicion, watchDrift } from './drift.js'
import { emDropInterval } from './em-drop-interval.js'

/**
 * Fidelity: whether the answer served after a stop is the probed one. The EM lost by stopping has two parts: full run
 * against probe, which control generations show and the certificate bounds, and probe against served answer, which each stop shows.
 */

/** EM of the probed answer less EM of the served one, of one treated generation; 0 if it was not stopped. */
export type ServedDifference = -1 | 0 | 1

/** Sums over the treated generations of an epoch while a threshold was in force. */
export interface Fidelity {
  /** Treated generations; of a group one sample. */
  readonly generations: number
  /** Stops that were reported with their probe, those of them whose answers are equal, and stops that were reported without it. */
  readonly stops: number
  readonly equal: number
  readonly unobserved: number
  /** All stops of late, those that served the probed answer, and those without their probe. They are halved when there are 512. */
  readonly recent: { readonly all: number, readonly equal: number, readonly unobserved: number }
  /** Stops whose difference is 1 or -1, and stops that wait for a label, their own or that of an earlier one (see `StopQueue`). */
  readonly lost: number
  readonly gained: number
  readonly queued: number
  /** An e-detector for "the mean difference is above a quarter of `max_em_drop`", over generations in the order of their outcomes. */
  readonly detector: Drift
}

export const NO_FIDELITY: Fidelity = {
  generations: 0,
  stops: 0,
  equal: 0,
  unobserved: 0,
  recent: { all: 0, equal: 0, unobserved: 0 },
  lost: 0,
  gained: 0,
  queued: 0,
  detector: NO_DRIFT,
}

/**
 * Fidelity of the epoch after a breach. The detector starts at a tenth of an alarm: control generations cannot show whether the cause is
 * gone, so the threshold will be certified again. If it is not gone, a few losses more suffice; if it is, the chance of a false alarm is
 * about a tenth (Ville's inequality).
 */
export const AFTER_BREACH: Fidelity = { ...NO_FIDELITY, detector: NO_DRIFT.map(() => ALARM / 10) }

/** The part of `max_em_drop` that the difference between probe and served answer may reach without an alarm. */
const TOLERATED = 1 / 4

/**
 * Counts a treated generation. The detector takes its difference separately, once it is known.
 * @param stop `undefined`: it was not stopped; `null`: it was reported without its probe
 */
export function countTreated (fidelity: Fidelity, stop: { readonly isEqual: boolean } | null | undefined): Fidelity {
  const generations = fidelity.generations + 1
  if (stop === undefined) return { ...fidelity, generations }
  const recent = addRecent(fidelity.recent, stop)
  if (stop === null) return { ...fidelity, generations, unobserved: fidelity.unobserved + 1, recent }
  return { ...fidelity, generations, stops: fidelity.stops + 1, equal: fidelity.equal + (stop.isEqual ? 1 : 0), recent }
}

const MOST_RECENT = 512

function addRecent ({ all, equal, unobserved }: Fidelity['recent'], stop: { readonly isEqual: boolean } | null): Fidelity['recent'] {
  const scale = all + 1 === MOST_RECENT ? 1 / 2 : 1
  return {
    all: scale * (all + 1),
    equal: scale * (equal + (stop?.isEqual === true ? 1 : 0)),
    unobserved: scale * (unobserved + (stop === null ? 1 : 0)),
  }
}

/** Stops without their probe, in number and as a part of all. A few lose it when workers restart; more than a tenth of all do not. */
const FEW_UNOBSERVED = 20
const SMALL_PART = 0.1

/** Whether more than a few of the recent stops were reported without their probe. */
export function lacksProbes ({ recent: { all, unobserved } }: Fidelity): boolean {
  return unobserved >= FEW_UNOBSERVED && unobserved > SMALL_PART * all
}

/** Stops with their probe from which their share of equal answers is reported, and the share below which it is low. */
const ENOUGH_PROBED = 32
const LOW_FIDELITY = 0.95

/** Whether many of the recent stops served another answer than was probed. */
export function hasLowFidelity ({ recent: { all, equal, unobserved } }: Fidelity): boolean {
  const probed = all - unobserved
  return probed >= ENOUGH_PROBED && equal < LOW_FIDELITY * probed
}

/** Stops over all epochs: those that served the probed answer, those that served another one, and those reported without their probe. */
export interface StopTotals { readonly probed: number, readonly other: number, readonly unknown: number }

export const NO_STOPS: StopTotals = { probed: 0, other: 0, unknown: 0 }

/** The totals with the stops that were counted between two states of an epoch's fidelity. */
export function addStops (totals: StopTotals, before: Fidelity, after: Fidelity): StopTotals {
  if (after === before) return totals
  const equal = after.equal - before.equal
  return {
    probed: totals.probed + equal,
    other: totals.other + after.stops - before.stops - equal,
    unknown: totals.unknown + after.unobserved - before.unobserved,
  }
}

/** Counts a stop that waits for a label. */
export function countQueued (fidelity: Fidelity): Fidelity { return { ...fidelity, queued: fidelity.queued + 1 } }

/** Adds one difference that is known, and lets the detector see it. @param maxEmDrop of the policy */
export function addDifference (fidelity: Fidelity, difference: ServedDifference, maxEmDrop: number): Fidelity {
  return {
    ...fidelity,
    lost: fidelity.lost + (difference === 1 ? 1 : 0),
    gained: fidelity.gained + (difference === -1 ? 1 : 0),
    detector: watchDrift(fidelity.detector, difference, TOLERATED * maxEmDrop),
  }
}

/** Lets the detector see many generations without a difference. */
export function addUnchanged (fidelity: Fidelity, generations: number, maxEmDrop: number): Fidelity {
  let { detector } = fidelity
  for (let i = 0; i < generations; i++) {
    const next = watchDrift(detector, 0, TOLERATED * maxEmDrop)
    if (next.every((m, bet) => m === detector[bet])) break // all are at their floor
    detector = next
  }
  return { ...fidelity, detector }
}

/** Share of the stops whose served answer is the probed one; `null`: no stop was reported with its probe. */
export function fidelityRatio ({ stops, equal }: Fidelity): number | null { return stops === 0 ? null : equal / stops }

/**
 * Mean difference over all treated generations, with an interval that stays valid however often one looks. Stops that wait for a label
 * count as lost in its upper end. Stops without a probe are left out, with as large a share of the generations that ran in full.
 * @returns fractions; `null`: no stop was reported with its probe
 */
export function servedDifference (
  fidelity: Fidelity, level: number
): { readonly estimate: number, readonly low: number, readonly high: number } | null {
  const { generations, stops, unobserved, lost, gained, queued } = fidelity
  if (stops === 0) return null
  const observed = generations * stops / (stops + unobserved)
  const interval = (lost: number) => emDropInterval({ lost, kept: observed - lost - gained, gained }, level)
  return { estimate: (lost - gained) / observed, low: interval(lost).low, high: interval(lost + queued).high }
}

export function fidelitySuspicion ({ detector }: Fidelity): number { return suspicion(detector) }
