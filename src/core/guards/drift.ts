import { EIGHTHS } from '../stats/certificate.js'
import { differencesAt, emDrop, type Evidence } from '../stats/evidence.js'
import { Detector, type Floor, isAtFloor, NO_FLOOR, type Wealth } from './detector.js'

/**
 * Drift: control units show that the EM drop at the threshold in force has risen above `max_em_drop`. A suspicion raises an
 * `auto` control share, since at 2 % the alarm would take long. Lower limits would raise it too often, higher ones too late (simulated at
 * 20 generations a second and an EM drop that rises from 0.5 to 6 points).
 */
export const DRIFT = new Detector({ bets: [1 / 4, 1 / 2, 0.95], suspectedFrom: 2, calmBelow: 1.2 })

export const NO_DRIFT = DRIFT.start

/** All that the detector has seen, and what it had seen when it was last at its floor. */
export interface DriftCounts { readonly seen: Floor, readonly floor: Floor }

export const NO_DRIFT_COUNTS: DriftCounts = { seen: NO_FLOOR, floor: NO_FLOOR }

/** Counts the units of a slice, after which the detector is as given. @param now when it ended, and the stops reported by now */
export function countWatched (
  { seen, floor }: DriftCounts, drift: Wealth, evidence: Evidence, k: number, now: Pick<Floor, 'at' | 'stops'>): DriftCounts {
  const units = seen.units + evidence.generations
  const counted = { ...now, units, sum: seen.sum + emDrop(evidence, k) * evidence.generations }
  return { seen: counted, floor: isAtFloor(drift) ? counted : floor }
}

/**
 * Folds the units of a slice at threshold `k`.
 * @param a max_em_drop
 * @param alsoGained further units, of which nothing is known: they count as gained, so that they raise no alarm
 */
export function watchEvidence (drift: Wealth, evidence: Evidence, k: number, a: number, alsoGained = 0): Wealth {
  const { lost, kept, gained, partial = [] } = differencesAt(evidence, k)
  const parts = partial.map(([eighths, units]) => [eighths / EIGHTHS, units] as const)
  return DRIFT.watchSlice(drift, [[1, lost], [0, kept], [-1, gained + alsoGained], ...parts], a)
}
