import { sumFrom, type EvidenceSum } from '../certificate/evidence-sum.js'
import { packEvidence, unpackEvidence, type PackedEvidence } from '../certificate/packed-evidence.js'
import type { Unit } from '../certificate/unit.js'
import type { StoredBounds } from './draw-bounds.js'
import type { EarlyOutcome } from './early-outcomes.js'
import { newMember, type Member } from './member.js'
import { packNumbers, unpackNumbers, type PackedNumbers } from './packed-numbers.js'
import type { Slice } from './slice.js'
import type { StoredUnits } from './spent-units.js'

type StoredSums = ReadonlyArray<readonly [scorer: number, sum: PackedEvidence]>

/** A slice as it is stored: what in memory is a map is a list of pairs. */
export type StoredSlice = Omit<Slice, 'evidence' | 'watched'> & { readonly evidence: StoredSums, readonly watched: StoredSums }

/** What is known of a member. */
export type StoredReport = Omit<Member, 'arm' | 'share' | 'at' | 'slice' | 'sums' | 'worst'> & {
  readonly sums: ReadonlyArray<readonly [scorer: number, unit: Unit]>
}

/** Neighbours in the order of enrolment that one entry enrolled in one slice, which is named by its number. */
interface StoredRun extends Pick<Member, 'share' | 'at'> { readonly slice: number, readonly units: PackedNumbers }

export interface StoredMembers {
  /** All members, in the order of enrolment. */
  readonly members: readonly StoredRun[]
  /** Of the members of which something is known. */
  readonly reports: readonly StoredReport[]
}

/** A cohort as it is stored, plain values only. */
export interface StoredCohort extends StoredMembers {
  readonly epoch: string
  readonly next_slice: number
  readonly is_publication_next: boolean
  readonly looked_at: number
  readonly is_changed: boolean
  readonly bounds: StoredBounds
  readonly void_until: number
  readonly spent: StoredUnits
  readonly early: readonly EarlyOutcome[]
  readonly slices: readonly StoredSlice[]
}

export function storeSlice (slice: Slice): StoredSlice {
  return { ...slice, open: { ...slice.open }, evidence: storeSums(slice.evidence), watched: storeSums(slice.watched) }
}

export function restoreSlice (stored: StoredSlice): Slice {
  return { ...stored, open: { ...stored.open }, evidence: restoreSums(stored.evidence), watched: restoreSums(stored.watched) }
}

function storeSums (sums: Slice['evidence']): StoredSums { return [...sums].map(([scorer, sum]) => [scorer, packEvidence(sum)]) }

function restoreSums (stored: StoredSums): Map<number, EvidenceSum> {
  return new Map(stored.map(([scorer, sum]) => [scorer, sumFrom(unpackEvidence(sum))]))
}

export function storeMembers (members: Iterable<Member>): StoredMembers {
  const runs: Array<Pick<Member, 'share' | 'at' | 'slice'> & { readonly units: number[] }> = []
  const reports: StoredReport[] = []
  for (const member of members) {
    const { u, share, at, slice } = member
    const last = runs.at(-1)
    if (last?.share === share && last.at === at && last.slice === slice) last.units.push(u)
    else runs.push({ share, at, slice, units: [u] })
    if (member.reported > 0) reports.push(storeReport(member))
  }
  return { members: runs.map(({ share, at, slice, units }) => ({ share, at, slice: slice.number, units: packNumbers(units) })), reports }
}

function storeReport ({ arm: _, share: _share, at: _at, slice: _slice, worst: _worst, ...known }: Member): StoredReport {
  return { ...known, sums: [...known.sums] }
}

export function restoreMembers ({ members: runs, reports }: StoredMembers, slices: readonly Slice[]): Member[] {
  const bySlice = new Map(slices.map((slice) => [slice.number, slice]))
  const known = new Map(reports.map((report) => [report.u, report]))
  return runs.flatMap(({ share, at, slice, units }) => unpackNumbers(units).map((u): Member => {
    const member = newMember({ u, arm: u < share ? 'control' : 'treated', share, at, slice: bySlice.get(slice)! })
    const report = known.get(u)
    return report === undefined ? member : { ...member, ...report, waiting: [...report.waiting], sums: new Map(report.sums) }
  }))
}
