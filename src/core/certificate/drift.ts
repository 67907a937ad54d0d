import { EIGHTHS } from './certificate.js'
import { differencesAt, type Evidence } from './evidence.js'

/**
 * An e-detector for "the EM drop at the threshold in force has risen above a" (Shin, Ramdas & Rinaldo 2022, "E-detectors"; CUSUM form).
 * Each bet runs M = max(M, 1) (1 + b (delta - a)). An alarm is raised where the mean of M reaches 1e4: without a change, at least 1e4
 * outcomes lie between false alarms on average.
 */
const CUSUM_BETS = [0.25, 0.5, 0.95]
export const ALARM = 1e4
/** M does not grow beyond this, so that a detector whose alarm a pin overrides comes down again. */
export const CEILING = 1e9
/** Mean of M from which drift is suspected: at a control share of 2 %, waiting for an alarm would take long. */
export const DRIFT_SUSPECTED = 2

/** The value of M for each bet. */
export type Drift = readonly number[]

export const NO_DRIFT: Drift = CUSUM_BETS.map(() => 1)

/**
 * Folds one control outcome at the threshold in force.
 * @param delta em(full) - em(stopped there): 1 lost, 0 kept, -1 gained
 * @param a max_em_drop
 */
export function watchDrift (drift: Drift, delta: number, a: number): Drift {
  return drift.map((m, i) => Math.min(CEILING, Math.max(m, 1) * (1 + CUSUM_BETS[i]! / (1 + a) * (delta - a))))
}

/**
 * Folds the units of a slice at threshold `k`, losses first. Of all orders this one leaves the detector lowest at the end of the slice,
 * where it is read.
 * @param alsoGained further units, of which nothing is known: they count as gained, so that they raise no alarm
 */
export function watchEvidence (drift: Drift, evidence: Evidence, k: number, a: number, alsoGained = 0): Drift {
  const { lost, kept, gained, partial = [] } = differencesAt(evidence, k)
  const parts = partial.map(([eighths, units]) => [eighths / EIGHTHS, units] as const)
  return watchDifferences(drift, [[1, lost], [0, kept], [-1, gained + alsoGained], ...parts], a)
}

/** Folds units given by their difference, losses first. */
export function watchDifferences (drift: Drift, counts: ReadonlyArray<readonly [delta: number, units: number]>, a: number): Drift {
  let next = drift
  for (const [delta, units] of [...counts].sort(([x], [y]) => y - x)) for (let i = 0; i < units; i++) next = watchDrift(next, delta, a)
  return next
}

export function hasDrifted (drift: Drift): boolean {
  return suspicion(drift) >= ALARM
}

/** The mean of M, at least 1: the evidence that the context has drifted. */
export function suspicion (drift: Drift): number {
  return Math.max(1, drift.reduce((sum, m) => sum + m, 0) / drift.length)
}
