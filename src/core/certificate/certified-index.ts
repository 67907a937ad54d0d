import { reaches, type Differences } from './certificate.js'
import { differencesAt, thresholdsOf, type Evidence } from './evidence.js'

/**
 * Index of the loosest certified threshold: walk the grid from the safest, stop at the first that fails, return the last that passed; -1 if
 * none does. Fixed-sequence testing keeps the whole grid at the level of one test (Angelopoulos et al. 2021, "Learn then Test").
 * @param a max_em_drop
 * @param logBar ln(1/error_level), or more
 * @param from the loosest threshold that is certified already
 */
export function certifiedIndex (evidence: Evidence, a: number, logBar: number, from = -1): number {
  return certifiedByAny((k) => [differencesAt(evidence, k)], thresholdsOf(evidence), a, logBar, from)
}

/**
 * The same where any of several prefixes may certify a threshold. Each threshold's evidence is a test supermartingale along the prefixes,
 * so whichever of them reaches the bar first, the chance that one ever does wrongly stays at the level (Ville).
 * @param prefixesAt the differences of every prefix at a threshold
 */
export function certifiedByAny (
  prefixesAt: (k: number) => readonly Differences[], thresholds: number, a: number, logBar: number, from = -1): number {
  let index = from
  while (index + 1 < thresholds && prefixesAt(index + 1).some((differences) => reaches(a, differences, logBar))) index++
  return index
}
