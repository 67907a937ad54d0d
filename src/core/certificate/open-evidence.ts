import { unitsOf, type Differences } from './certificate.js'
import { differencesAt, noEvidence, type Evidence } from './evidence.js'
import { addEvidenceTo, newSum, type EvidenceSum } from './evidence-sum.js'

/** What an open slice adds to the prefix before it. */
export interface OpenEvidence {
  /** Of units that are accounted for, or known at worst. */
  readonly evidence: Evidence
  /** Other units that were enrolled, all of which count as lost. */
  readonly unaccounted: number
  /** Units that are left out for missing. Absent: none. */
  readonly left_out?: number
}

/** What became of some units, a group counting by its samples. */
interface Fates { readonly accounted: number, readonly missing: number, readonly excluded: number }

/** Units that are left out for missing beside so many units of evidence. Where all are left out, their number. */
export function leftOutBeside (units: number, { accounted, missing, excluded }: Fates): number {
  if (excluded === 0) return 0
  return accounted + missing === 0 ? excluded : excluded / (accounted + missing) * units
}

/** The sum of open slices: what the longest prefix adds. */
export function sumOfOpen (open: readonly OpenEvidence[], thresholds: number): OpenEvidence {
  let sum: EvidenceSum | null = null
  let [lost, leftOut] = [0, 0]
  for (const { evidence, unaccounted, left_out: out = 0 } of open) {
    lost += unaccounted
    leftOut += out
    if (evidence.generations > 0) addEvidenceTo(sum ??= newSum(thresholds), evidence)
  }
  return { evidence: sum ?? noEvidence(thresholds), unaccounted: lost, ...(leftOut > 0 && { left_out: leftOut }) }
}

/**
 * The differences at threshold k of every prefix that may certify: of the final slices, and of these with each run of open slices that
 * follows them, the shortest first. Each has the units that are left out of its own slices: those of later ones are mostly not known yet,
 * so a share over all slices would be too small.
 * @param final evidence of the final slices, in parts that add
 * @param fates of the units of the final slices
 */
export function prefixDifferences (final: readonly Evidence[], open: readonly OpenEvidence[], k: number, fates?: Fates): Differences[] {
  let sum = final.map((part) => differencesAt(part, k)).reduce(addDifferences)
  if (fates !== undefined && fates.excluded > 0) sum = { ...sum, leftOut: leftOutBeside(unitsOf(sum), fates) }
  const prefixes = [sum]
  for (const { evidence, unaccounted, left_out: leftOut = 0 } of open) {
    const more = differencesAt(evidence, k, unaccounted)
    prefixes.push(sum = addDifferences(sum, leftOut === 0 ? more : { ...more, leftOut }))
  }
  return prefixes
}

function addDifferences (a: Differences, b: Differences): Differences {
  const partial = [...a.partial ?? [], ...b.partial ?? []]
  const leftOut = (a.leftOut ?? 0) + (b.leftOut ?? 0)
  const sums = { lost: a.lost + b.lost, kept: a.kept + b.kept, gained: a.gained + b.gained, ...(leftOut > 0 && { leftOut }) }
  return partial.length === 0 ? sums : { ...sums, partial }
}
