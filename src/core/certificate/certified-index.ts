import { reaches, type Differences } from './certificate.js'
import { differencesAt, thresholdsOf, type Evidence } from './evidence.js'
import { nextPlace } from './lottery.js'

/**
 * Index of the loosest certified threshold: walk the grid from the safest, stop at the first that fails, return the last that passed; -1 if
 * none does. Fixed-sequence testing keeps the whole grid at the level of one test (Angelopoulos et al. 2021, "Learn then Test").
 * @param a max_em_drop
 * @param logBar ln(1/error_level), or more
 */
export function certifiedIndex (evidence: Evidence, a: number, logBar: number): number {
  return certifiedByAny((k) => [differencesAt(evidence, k)], () => false, thresholdsOf(evidence), a, logBar)
}

/**
 * The same with the lotteries between thresholds, which are tested in order like these.
 * @param leftOut units besides that are left out for missing
 */
export function certifiedPlace (evidence: Evidence, a: number, logBar: number, leftOut = 0): number {
  const isSplit = (k: number) => isSplitAt([evidence], k)
  return certifiedByAny((k) => [{ ...differencesAt(evidence, k), leftOut }], isSplit, thresholdsOf(evidence), a, logBar)
}

/**
 * Whether some unit stops elsewhere at the next threshold, so that the lotteries between the two say something of their own. Where none
 * does, all have the same evidence: what certifies one certifies them all.
 * @param parts that add
 */
export function isSplitAt (parts: readonly Evidence[], k: number): boolean {
  return k + 1 < thresholdsOf(parts[0]!) && parts.some(({ tokens, moved }) => tokens[k] !== tokens[k + 1] || moved?.[k] !== undefined)
}

/**
 * The same where any of several prefixes may certify a threshold. Each threshold's evidence is a test supermartingale along the prefixes,
 * so whichever of them reaches the bar first, the chance that one ever does wrongly stays at the level (Ville).
 * @param prefixesAt the differences of every prefix at a place of the grid
 * @param isSplit whether there are lotteries between a threshold and the next one
 */
export function certifiedByAny (
  prefixesAt: (k: number) => readonly Differences[], isSplit: (k: number) => boolean, thresholds: number, a: number, logBar: number,
  from = -1
): number {
  let index = from
  const passes = (differences: Differences) => reaches(a, differences, logBar) && isWithinTwice(a, differences, logBar)
  for (;;) {
    const next = nextPlace(index, isSplit)
    if (next >= thresholds || !prefixesAt(next).some(passes)) return index
    index = next
  }
}

/**
 * Whether the drop is at most twice the tolerance even if everyone who was left out for missing had lost. A comparison of the share left
 * out with `a` has no such level: where 4.05 % are left out and all of them lost, it holds at some moment in a tenth of the runs.
 */
function isWithinTwice (a: number, differences: Differences, logBar: number): boolean {
  const { lost, leftOut = 0 } = differences
  if (leftOut === 0 || 2 * a >= 1) return true
  return reaches(2 * a, { ...differences, lost: lost + leftOut }, logBar)
}
