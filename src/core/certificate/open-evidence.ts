import type { Differences } from './certificate.js'
import { differencesAt, noEvidence, type Evidence } from './evidence.js'
import { addEvidenceTo, newSum, type EvidenceSum } from './evidence-sum.js'

/** What an open slice adds to the prefix before it. */
export interface OpenEvidence {
  /** Of units that are accounted for, or known at worst. */
  readonly evidence: Evidence
  /** Other units that were enrolled, all of which count as lost. */
  readonly unaccounted: number
}

/** The sum of open slices: what the longest prefix adds. */
export function sumOfOpen (open: readonly OpenEvidence[], thresholds: number): OpenEvidence {
  let sum: EvidenceSum | null = null
  let lost = 0
  for (const { evidence, unaccounted } of open) {
    lost += unaccounted
    if (evidence.generations > 0) addEvidenceTo(sum ??= newSum(thresholds), evidence)
  }
  return { evidence: sum ?? noEvidence(thresholds), unaccounted: lost }
}

/**
 * The differences at threshold k of every prefix that may certify: of the final slices, and of these with each run of open slices that
 * follows them, the shortest first.
 * @param final evidence of the final slices, in parts that add
 */
export function prefixDifferences (final: readonly Evidence[], open: readonly OpenEvidence[], k: number): Differences[] {
  let sum = final.map((part) => differencesAt(part, k)).reduce(addDifferences)
  const prefixes = [sum]
  for (const { evidence, unaccounted } of open) prefixes.push(sum = addDifferences(sum, differencesAt(evidence, k, unaccounted)))
  return prefixes
}

function addDifferences (a: Differences, b: Differences): Differences {
  const partial = [...a.partial ?? [], ...b.partial ?? []]
  const sums = { lost: a.lost + b.lost, kept: a.kept + b.kept, gained: a.gained + b.gained }
  return partial.length === 0 ? sums : { ...sums, partial }
}
