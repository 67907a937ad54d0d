import type { Policy } from '../policy/policy.js'
import { type Arms, NO_ARMS } from './arms.js'
import { type BreachHold, heldUntil, holdAfterBreach, laterHold } from './breach.js'
import { cadenceOfTreated, type Cadences, NO_CADENCES } from './cadences.js'
import type { Wealth } from './detector.js'
import { DRIFT, type DriftCounts, NO_DRIFT, NO_DRIFT_COUNTS } from './drift.js'
import {
  addDifference, addStops, addUnchanged, afterBreach, BREACH, type Fidelity, NO_FIDELITY, NO_STOPS, noteFloor, type StopTotals,
} from './fidelity.js'
import { areLabelsLate, type LateLabels } from './late-labels.js'
import { forgottenAt, NO_SIGHT, type Sight } from './sight.js'
import type { SettledStop } from './stop-queue.js'

/** What watches the threshold in force, and may withdraw it. */
export interface Guards {
  /** The detector of drift after the final slices, by which the alarm is raised; and after all that is known, which is a suspicion. */
  readonly drift_final: Wealth
  readonly drift: Wealth
  /** Of the final slices. */
  readonly drift_counts: DriftCounts
  /** Whether more answers than usual await their labels; absent: every outcome came with its grade. */
  readonly late_labels?: LateLabels | undefined
  /** Whether a suspicion of drift or breach has raised an `auto` control share. */
  readonly is_suspected: boolean
  /** Whether stops serve the answers that were probed, as far as their differences are known and no earlier one awaits its label. */
  readonly fidelity: Fidelity
  /** Whether the guards can see; while they cannot, the threshold is suspended (law 2). */
  readonly sight: Sight
  /** Over all epochs. */
  readonly stops: StopTotals
  /** Thresholds that a breach withdrew here, over all epochs; of the root, those of all contexts. */
  readonly breaches: number
  /** The hold after the last breach, which may be over; `null`: there was none since the last reset. */
  readonly hold: BreachHold | null
  readonly arms: Arms
  /** How often both arms ask. */
  readonly cadences: Cadences
}

export const NO_GUARDS: Guards = {
  drift_final: NO_DRIFT,
  drift: NO_DRIFT,
  drift_counts: NO_DRIFT_COUNTS,
  late_labels: undefined,
  is_suspected: false,
  fidelity: NO_FIDELITY,
  sight: NO_SIGHT,
  stops: NO_STOPS,
  breaches: 0,
  hold: null,
  arms: NO_ARMS,
  cadences: NO_CADENCES,
}

/** The guards of the next epoch. */
export function guardsAfter ({ stops, breaches, hold }: Guards): Guards { return { ...NO_GUARDS, stops, breaches, hold } }

/** The same where a breach ended the epoch. */
export function guardsAfterBreach (last: Guards, time: number, policy: Policy): Guards {
  const next = countBreach(guardsAfter(last))
  return { ...next, fidelity: afterBreach(last.fidelity), hold: holdAfterBreach(last.hold, time, policy) }
}

export function countBreach (guards: Guards): Guards { return { ...guards, breaches: guards.breaches + 1 } }

/** Stores the fidelity after more outcomes, and counts their stops. */
export function withFidelity (guards: Guards, fidelity: Fidelity): Guards {
  return { ...guards, fidelity, stops: addStops(guards.stops, guards.fidelity, fidelity) }
}

/** Counts stops whose outcomes were refused. */
export function countRefused (guards: Guards, count: number): Guards {
  const { stops } = guards
  return count === 0 ? guards : { ...guards, stops: { ...stops, refused: stops.refused + count } }
}

/** Counts a stop by a budget that was not drawn for a probe. */
export function countUnprobed (guards: Guards): Guards {
  return { ...guards, stops: { ...guards.stops, unprobed: guards.stops.unprobed + 1 } }
}

/** Restarts the detectors under another tolerance: their counts are evidence against that of their time only. */
export function withoutAlarms (guards: Guards): Guards {
  const fidelity = { ...guards.fidelity, detector: NO_FIDELITY.detector }
  return { ...guards, drift_final: NO_DRIFT, drift: NO_DRIFT, drift_counts: NO_DRIFT_COUNTS, fidelity }
}

/** Restarts the comparison of the arms and fidelity under another mode or pin: earlier generations began under another one. */
export function withoutComparison (guards: Guards): Guards { return { ...guards, arms: NO_ARMS, fidelity: NO_FIDELITY } }

export function withoutHold (guards: Guards): Guards { return { ...guards, hold: null } }

export function withLaterHold (guards: Guards, hold: BreachHold | null): Guards { return { ...guards, hold: laterHold(guards.hold, hold) } }

/** Lets the detector of breach see stops whose difference has become known. */
export function settleStops (guards: Guards, settled: readonly SettledStop[], { max_em_drop: bound }: Pick<Policy, 'max_em_drop'>, time: number): Guards {
  let fidelity = { ...guards.fidelity, queued: guards.fidelity.queued - settled.length }
  for (const { difference, unchanged } of settled) fidelity = addUnchanged(addDifference(fidelity, difference, bound), unchanged, bound)
  return { ...guards, fidelity: noteFloor(fidelity, time) }
}

/** Whether drift or breach is suspected. A suspicion lasts until it is calm. */
export function isSuspicious ({ is_suspected: was, drift, fidelity, late_labels: late }: Guards): boolean {
  return DRIFT.isSuspected(drift, was) || BREACH.isSuspected(fidelity.detector, was) || areLabelsLate(late, was)
}

export function stopsReported ({ stops: { probed, other, unprobed, refused } }: Guards): number {
  return probed + other + unprobed + refused
}

/** Whether the alarm of drift was raised in a final slice. */
export function hasDriftedFinally ({ drift_final: drift }: Guards): boolean { return DRIFT.isAlarmed(drift) }

/** Whether the evidence is about other stops than those that treated generations make: they ask in between. */
export function isAskedMore ({ cadences }: Guards): boolean { return cadenceOfTreated(cadences) === 'more' }

/** Whether no certified threshold is in force after a breach. */
export function isHeld ({ hold }: Guards): boolean { return heldUntil(hold) !== null }

/** The guards once the hold is over, by the log's clock, ms. */
export function holdEnded (guards: Guards, time: number): Guards {
  const { hold } = guards
  return hold === null || time < (heldUntil(hold) ?? Infinity) ? guards : { ...guards, hold: { ...hold, is_over: true } }
}

/** When the hold is over, or refused stops are forgotten. */
export function expiresAt ({ hold, sight }: Guards): number { return Math.min(heldUntil(hold) ?? Infinity, forgottenAt(sight)) }

/** Guards as they are stored: most contexts have none of these counts, and `null` saves room. */
export interface StoredGuards extends Omit<Guards, 'sight' | 'arms' | 'cadences'> {
  readonly sight: Sight | null
  readonly arms: Arms | null
  readonly cadences: Cadences | null
}

export function packGuards (guards: Guards): StoredGuards {
  const orNull = <T>(counts: T, none: T) => counts === none ? null : counts
  const { sight, arms, cadences } = guards
  return { ...guards, sight: orNull(sight, NO_SIGHT), arms: orNull(arms, NO_ARMS), cadences: orNull(cadences, NO_CADENCES) }
}

export function unpackGuards (stored: StoredGuards): Guards {
  const { sight, arms, cadences } = stored
  return { ...NO_GUARDS, ...stored, sight: sight ?? NO_SIGHT, arms: arms ?? NO_ARMS, cadences: cadences ?? NO_CADENCES }
}
