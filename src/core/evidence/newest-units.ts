import { addDifferences, type Differences, logEvidence, reaches, unitsOf, unitsOfFirstCertificate } from '../stats/certificate.js'
import type { DifferenceSums } from '../stats/difference-sums.js'
import { differencesAt } from '../stats/evidence.js'

/** The newest units of final slices at the first threshold that is not certified, by which spoilt evidence recovers (rule E9). */
export interface NewestUnits {
  readonly threshold: number
  /** Runs of units, the oldest first: sums of neighbouring slices, so that their number stays small. */
  readonly runs: readonly Differences[]
}

export const NO_NEWEST: NewestUnits = { threshold: 0, runs: [] }

/** The number of the newest units, as a multiple of N0: those of a first certificate, and some room for losses. */
const WINDOW = 1.4
/** Runs that a full window has at the least, if slices are small. */
const RUNS = 16

/** Units of a full window. @param logBar of a first certificate */
export function windowOf (a: number, logBar: number): number { return Math.ceil(WINDOW * unitsOfFirstCertificate(a, logBar)) }

/**
 * Adds a final slice, and drops the runs without which the window is still full.
 * @param threshold the first that is not certified; at another one than before, the window begins again
 * @param window units
 */
export function addNewest (newest: NewestUnits, sums: DifferenceSums, threshold: number, window: number): NewestUnits {
  const runs = newest.threshold === threshold ? [...newest.runs] : []
  const added = differencesAt(sums, threshold)
  const last = runs.at(-1)
  if (last !== undefined && unitsOf(last) < window / RUNS) runs[runs.length - 1] = addDifferences(last, added)
  else runs.push(added)
  let units = runs.reduce((total, run) => total + unitsOf(run), 0)
  while (units - unitsOf(runs[0]!) >= window) units -= unitsOf(runs.shift()!)
  return { threshold, runs }
}

/**
 * Whether a threshold that has lost its evidence is certified by a full window of its newest units alone.
 * @param final all units of final slices
 */
export function isHealed ({ threshold, runs }: NewestUnits, final: DifferenceSums, a: number, logBar: number): boolean {
  const window = runs.reduce(addDifferences, { lost: 0, kept: 0, gained: 0 })
  return unitsOf(window) >= windowOf(a, logBar) && logEvidence(a, differencesAt(final, threshold)) <= 0 && reaches(a, window, logBar)
}
