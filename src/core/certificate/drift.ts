/**
 * An e-detector for "the EM drop at the threshold in force has risen above a" (Shin, Ramdas & Rinaldo 2022, "E-detectors"; CUSUM form).
 * Each bet runs M = max(M, 1) (1 + b (delta - a)). An alarm is raised where the mean of M reaches 1e4: without a change, at least 1e4
 * outcomes lie between false alarms on average.
 */
const BETS = [0.25, 0.5, 0.95]
const ALARM = 1e4

/** The value of M for each bet. */
export type Drift = readonly number[]

export const NO_DRIFT: Drift = BETS.map(() => 1)

/**
 * Folds one control outcome at the threshold in force.
 * @param delta em(full) - em(stopped there): 1 lost, 0 kept, -1 gained
 * @param a max_em_drop
 */
export function watchDrift (drift: Drift, delta: number, a: number): Drift {
  return drift.map((m, i) => Math.max(m, 1) * (1 + BETS[i]! / (1 + a) * (delta - a)))
}

export function hasDrifted (drift: Drift): boolean {
  return suspicion(drift) >= ALARM
}

/** The mean of M, at least 1: the evidence that the context has drifted. */
export function suspicion (drift: Drift): number {
  return Math.max(1, drift.reduce((sum, m) => sum + m, 0) / drift.length)
}
