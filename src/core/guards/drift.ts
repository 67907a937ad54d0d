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

/** All that the detector has seen, and what was counted when the slice began with which it left its floor. */
export interface DriftCounts { readonly seen: Pick<Floor, 'units' | 'sum'>, readonly floor: Floor }

export const NO_DRIFT_COUNTS: DriftCounts = { seen: { units: 0, sum: 0 }, floor: NO_FLOOR }

/** When a slice began, and the stops that had been reported. */
export type SliceBegin = Pick<Floor, 'at' | 'stops'>

/** Counts the units of a slice at threshold `k`. @param before the detector before it */
export function countWatched (
  { seen, floor }: DriftCounts, before: Wealth, evidence: Evidence, k: number, begin: SliceBegin): DriftCounts {
  const { generations } = evidence
  const counted = { units: seen.units + generations, sum: seen.sum + emDrop(evidence, k) * generations }
  return { seen: counted, floor: isAtFloor(before) ? { ...seen, ...begin } : floor }
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
