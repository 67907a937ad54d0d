import { addDifferences, type Differences } from './certificate.js'
import type { DifferenceSums } from './difference-sums.js'
import { addEvidenceTo, type EvidenceSum, newSum } from './evidence-sum.js'
import { differencesAt, type Evidence, noEvidence } from './evidence.js'

// Rule E4: evidence is looked at over each run of ended slices from the beginning of the epoch, with every open unit counting as lost.

/** The evidence of an ended slice that is not final, or of all of them. */
export interface OpenEvidence {
  /** Of units that are accounted for, or whose worst case is known. */
  readonly evidence: Evidence
  /** Of units that are accounted for, of which estimates are made. Absent: these are all of the evidence. */
  readonly accounted?: Evidence
  /** All other enrolled units. */
  readonly unaccounted: number
}

/** The sum of open slices. */
export function sumOfOpen (open: readonly OpenEvidence[], thresholds: number): OpenEvidence {
  const evidence = sumOfEvidence(open.map(({ evidence }) => evidence), thresholds)
  const unaccounted = open.reduce((sum, slice) => sum + slice.unaccounted, 0)
  if (open.every(({ accounted }) => accounted === undefined)) return { evidence, unaccounted }
  return { evidence, unaccounted, accounted: sumOfEvidence(open.map((slice) => slice.accounted ?? slice.evidence), thresholds) }
}

function sumOfEvidence (all: readonly Evidence[], thresholds: number): Evidence {
  let sum: EvidenceSum | null = null
  for (const evidence of all) if (evidence.generations > 0) addEvidenceTo(sum ??= newSum(thresholds), evidence)
  return sum ?? noEvidence(thresholds)
}

/**
 * The differences at threshold k of every prefix that may certify, the shortest first: the final slices, and these with each run of open
 * slices that follows them.
 */
export function prefixesAt (final: DifferenceSums, open: readonly OpenEvidence[], k: number): Differences[] {
  const prefixes = [differencesAt(final, k)]
  for (const { evidence, unaccounted } of open) {
    prefixes.push(addDifferences(prefixes.at(-1)!, differencesAt(evidence, k, unaccounted)))
  }
  return prefixes
}
