import { addDifferenceSums, type DifferenceSum, differenceSumFrom } from '../certificate/difference-sums.js'
import type { Evidence } from '../certificate/evidence.js'
import { addEvidenceTo, sumFrom, type EvidenceSum } from '../certificate/evidence-sum.js'

/** Numbers of units of a slice by their fate. A group counts once for each of its samples. */
export interface SliceCounts {
  readonly accounted: number
  /** The outcome, its complete steps or a required label never arrived. */
  readonly missing: number
  readonly cancelled: number
}

const NO_COUNTS: SliceCounts = { accounted: 0, missing: 0, cancelled: 0 }

/** The evidence of a slice's units. */
export interface SliceEvidence {
  /** Evidence of the units that are accounted for, by scorer. */
  evidence: Map<number, EvidenceSum>
  /** The same without missing samples, for scorers where that differs. It feeds the drift detector, since a killed fleet is not drift. */
  watched: Map<number, EvidenceSum>
  /** Sums of the units that are tested, by scorer. */
  differences: Map<number, DifferenceSum>
  counts: SliceCounts
}

/** Neighbours in the order of enrolment (see docs/concepts/certificate.md). Times are the follow-up clock's, ms. */
export interface Slice extends SliceEvidence {
  readonly number: number
  /** When its first unit was enrolled, and when it ended; `null`: it is still open to further units. */
  readonly begins: number
  ends: number | null
  /** Enrolled units, and those that are not accounted for. */
  enrolled: number
  open: number
  /** Its sums are shared with what was stored, which is written while the learner goes on: they are copied before they change. */
  isShared: boolean
}

/** The number under which evidence of the raw confidence is kept; a trial's is its ordinal, from 1. */
export const RAW = 0

/** Stands for the number of a slice where a control unit of a pool's member is no evidence of the pool. */
export const ASIDE = -1

export function newSlice (number: number, begins: number): Slice {
  return {
    number,
    begins,
    ends: null,
    enrolled: 0,
    open: 0,
    evidence: new Map(),
    watched: new Map(),
    differences: new Map(),
    counts: NO_COUNTS,
    isShared: false,
  }
}

/** Takes the place of a slice for one unit that is in none. */
export function asideSlice (): Slice { return newSlice(ASIDE, 0) }

/** Whether nothing more can come into the evidence of a slice. */
export function isFinal ({ ends, open }: Slice): boolean { return ends !== null && open === 0 }

/** The sums of a slice, to be added to. */
export function ownSums (slice: Slice): Pick<Slice, 'evidence' | 'watched' | 'differences'> {
  if (slice.isShared) {
    const copied = (sums: Slice['evidence']) => new Map([...sums].map(([scorer, sum]) => [scorer, sumFrom(sum)]))
    const differences = new Map([...slice.differences].map(([scorer, sum]) => [scorer, differenceSumFrom(sum)]))
    Object.assign(slice, { evidence: copied(slice.evidence), watched: copied(slice.watched), differences, isShared: false })
  }
  return slice
}

/** Merges the second of two neighbours into the first. */
export function mergeSlices (first: Slice, second: Slice): void {
  first.ends = second.ends
  first.enrolled += second.enrolled
  first.open += second.open
  for (const scorer of new Set([...first.watched.keys(), ...second.watched.keys()])) {
    first.watched.set(scorer, sumOf(watchedOf(first, scorer), watchedOf(second, scorer)))
  }
  for (const [scorer, evidence] of second.evidence) first.evidence.set(scorer, sumOf(first.evidence.get(scorer), evidence))
  for (const [scorer, sums] of second.differences) {
    const sum = differenceSumFrom(sums)
    const before = first.differences.get(scorer)
    if (before !== undefined) addDifferenceSums(sum, before)
    first.differences.set(scorer, sum)
  }
  first.counts = addSliceCounts(first.counts, second.counts)
}

/** At least one of the two is there. */
function sumOf (a: Evidence | undefined, b: Evidence | undefined): EvidenceSum {
  if (a === undefined || b === undefined) return sumFrom((a ?? b)!)
  const sum = sumFrom(a)
  addEvidenceTo(sum, b)
  return sum
}

/** The evidence that the drift detector watches. */
export function watchedOf ({ evidence, watched }: Pick<SliceEvidence, 'evidence' | 'watched'>, scorer: number): Evidence | undefined {
  return watched.get(scorer) ?? evidence.get(scorer)
}

export function addSliceCounts (a: SliceCounts, b: SliceCounts): SliceCounts {
  return {
    accounted: a.accounted + b.accounted,
    missing: a.missing + b.missing,
    cancelled: a.cancelled + b.cancelled,
  }
}
