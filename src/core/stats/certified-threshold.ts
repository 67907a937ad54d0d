import { reaches } from './certificate.js'
import { differencesAt, type Evidence, thresholdsOf } from './evidence.js'

/**
 * Index of the loosest certified threshold: walk the grid from the safest, stop at the first that fails, return the last that passed; -1 if
 * none does. Fixed-sequence testing keeps the whole grid at the level of one test (Angelopoulos et al. 2021, "Learn then Test").
 * @param a max_em_drop
 * @param logBar ln(1/error_level), or more
 */
export function certifiedIndex (evidence: Evidence, a: number, logBar: number): number {
  return loosestPassing((k) => reaches(a, differencesAt(evidence, k), logBar), thresholdsOf(evidence))
}

/**
 * The loosest threshold of the unbroken run that passes, tested from the safest on; -1 for none.
 * @param passes whether the evidence at threshold k reaches the bar
 * @param from the loosest one that is certified already
 */
export function loosestPassing (passes: (k: number) => boolean, thresholds: number, from = -1): number {
  let index = from
  while (index + 1 < thresholds && passes(index + 1)) index++
  return index
}
