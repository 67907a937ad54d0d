import type { Evidence } from '../stats/evidence.js'
import { sumFrom, type EvidenceSum } from '../stats/evidence-sum.js'

/** Numbers of units of a slice by their fate. A group counts once for each of its samples. */
export interface SliceCounts {
  readonly accounted: number
  /** The outcome, its complete steps or a required label never arrived. */
  readonly missing: number
  readonly cancelled: number
}

const NO_COUNTS: SliceCounts = { accounted: 0, missing: 0, cancelled: 0 }

/** The evidence of a slice's units. */
interface SliceEvidence {
  /** Evidence of the units that are accounted for; `null`: there is none. */
  evidence: EvidenceSum | null
  /** The same without missing samples; `null`: none is missing. It feeds the drift detector, since a killed fleet is not drift. */
  watched: EvidenceSum | null
  /** The same without units of which a label is missing, either, for the estimates that people read; `null`: nothing is missing. */
  accounted: EvidenceSum | null
  counts: SliceCounts
}

/** Neighbours in the order of enrolment (see docs/concepts/certificate.md). Times are the follow-up clock's, ms. */
export interface Slice extends SliceEvidence {
  readonly number: number
  /** When its first unit was enrolled, and when it ended; `null`: it is still open to further units. */
  readonly begins: number
  ends: number | null
  /** Stops of the context that had been reported when it began. */
  readonly stops: number
  /** Enrolled units, and those that are not accounted for. */
  enrolled: number
  open: number
  /** Its sums are shared with the stored slice, which is written while the learner goes on: they are copied before they change. */
  isShared: boolean
}

/** Stands for the number of a slice where a control unit of a pool's member is no evidence of the pool. */
export const ASIDE = -1

export function newSlice (number: number, begins: number, stops: number): Slice {
  return {
    number,
    begins,
    ends: null,
    stops,
    enrolled: 0,
    open: 0,
    evidence: null,
    watched: null,
    accounted: null,
    counts: NO_COUNTS,
    isShared: false,
  }
}

/** Takes the place of a slice for one unit that is in none. */
export function asideSlice (): Slice { return newSlice(ASIDE, 0, 0) }

/** Whether nothing more can come into the evidence of a slice. */
export function isFinal ({ ends, open }: Slice): boolean { return ends !== null && open === 0 }

/** Copies the sums of a slice where they are shared, so that they may be added to. */
export function unshareSums (slice: Slice): void {
  if (!slice.isShared) return
  slice.evidence &&= sumFrom(slice.evidence)
  slice.watched &&= sumFrom(slice.watched)
  slice.accounted &&= sumFrom(slice.accounted)
  slice.isShared = false
}

/** The evidence that the drift detector watches. */
export function watchedOf ({ evidence, watched }: Pick<SliceEvidence, 'evidence' | 'watched'>): Evidence | null {
  return watched ?? evidence
}

/** The evidence of which estimates are made. */
export function accountedIn ({ evidence, accounted }: Pick<SliceEvidence, 'evidence' | 'accounted'>): Evidence | null {
  return accounted ?? evidence
}

export function addSliceCounts (a: SliceCounts, b: SliceCounts): SliceCounts {
  return {
    accounted: a.accounted + b.accounted,
    missing: a.missing + b.missing,
    cancelled: a.cancelled + b.cancelled,
  }
}
