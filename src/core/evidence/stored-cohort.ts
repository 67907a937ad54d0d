import { type EvidenceSum, type PackedEvidence, packEvidence, sumFrom, unpackEvidence } from '../stats/evidence-sum.js'
import type { StoredAdmission } from './admission.js'
import { type EnrolledUnit, newEnrolledUnit } from './enrolled-unit.js'
import { type PackedNumbers, packNumbers, unpackNumbers } from './seen-units.js'
import { asideSlice, type Slice } from './slice.js'
import type { QueuedStop } from '../guards/stop-queue.js'
import type { StoredTraffic } from './traffic.js'

/** A slice as it is stored. */
export type StoredSlice = Omit<Slice, 'evidence' | 'watched' | 'accounted' | 'isShared'> & {
  readonly evidence: PackedEvidence | null
  readonly watched: PackedEvidence | null
  readonly accounted: PackedEvidence | null
}

/** The stored report on a member. */
type StoredReport = Omit<EnrolledUnit, 'hash' | 'share' | 'at' | 'slice' | 'worst'>

/** So many neighbours in the order of enrolment that one entry enrolled in one slice, which is named by its number. */
type StoredRun = readonly [share: number, at: number, slice: number, count: number]

interface StoredMembers {
  /** All members, in the order of enrolment. */
  readonly members: { readonly runs: readonly StoredRun[], readonly units: PackedNumbers, readonly hashes: PackedNumbers }
  /** Of the members of which something is known. */
  readonly reports: readonly StoredReport[]
}

/** A cohort as it is stored, plain values only. */
export interface StoredCohort extends StoredMembers, StoredAdmission {
  readonly epoch: string
  readonly traffic: StoredTraffic
  readonly next_slice: number
  readonly looked_at: number
  readonly is_changed: boolean
  readonly slices: readonly StoredSlice[]
  readonly stops: readonly QueuedStop[]
}

export function storeSlice (slice: Slice): StoredSlice {
  slice.isShared = true
  return { // written out: a spread takes ten times as long, and a context may have hundreds
    number: slice.number,
    begins: slice.begins,
    ends: slice.ends,
    stops: slice.stops,
    enrolled: slice.enrolled,
    open: slice.open,
    evidence: slice.evidence && packEvidence(slice.evidence),
    watched: slice.watched && packEvidence(slice.watched),
    accounted: slice.accounted && packEvidence(slice.accounted),
    counts: slice.counts,
  }
}

export function restoreSlice (stored: StoredSlice): Slice {
  return { // written out as well: each spread result can get a hidden class of its own, and every later access then misses V8's caches
    number: stored.number,
    begins: stored.begins,
    ends: stored.ends,
    stops: stored.stops,
    enrolled: stored.enrolled,
    open: stored.open,
    evidence: restoreSum(stored.evidence),
    watched: restoreSum(stored.watched),
    accounted: restoreSum(stored.accounted),
    counts: stored.counts,
    isShared: false,
  }
}

function restoreSum (stored: PackedEvidence | null): EvidenceSum | null { return stored && sumFrom(unpackEvidence(stored)) }

export function storeMembers (members: Iterable<EnrolledUnit>): StoredMembers {
  const runs: Array<[share: number, at: number, slice: number, count: number]> = []
  const units: number[] = []
  const hashes: number[] = []
  const reports: StoredReport[] = []
  for (const member of members) {
    const { u, hash, share, at, slice: { number } } = member
    const last = runs.at(-1)
    if (last !== undefined && last[0] === share && last[1] === at && last[2] === number) last[3]++
    else runs.push([share, at, number, 1])
    units.push(u)
    hashes.push(hash)
    if (member.reported > 0) reports.push(storeReport(member))
  }
  return { members: { runs, units: packNumbers(units), hashes: packNumbers(hashes) }, reports }
}

function storeReport (member: EnrolledUnit): StoredReport {
  const { hash: _hash, share: _share, at: _at, slice: _slice, worst: _worst, ...known } = member
  return known
}

type Draw = Pick<EnrolledUnit, 'u' | 'hash' | 'share' | 'at'> & { readonly slice: number }

/** The stored members, without their reports. */
function drawsOf ({ members: { runs, units, hashes: packed } }: StoredMembers): Draw[] {
  const us = unpackNumbers(units)
  const hashes = unpackNumbers(packed)
  const draws: Draw[] = []
  for (const [share, at, slice, count] of runs) {
    for (let i = 0; i < count; i++) {
      draws.push({ u: us[draws.length]!, hash: hashes[draws.length]!, share, at, slice })
    }
  }
  return draws
}

export function restoreMembers (stored: StoredMembers, slices: readonly Slice[]): EnrolledUnit[] {
  const bySlice = new Map(slices.map((slice) => [slice.number, slice]))
  const known = new Map(stored.reports.map((report) => [report.u, report]))
  return drawsOf(stored).map((draw): EnrolledUnit => {
    const member = newEnrolledUnit({ ...draw, slice: bySlice.get(draw.slice) ?? asideSlice() })
    const report = known.get(draw.u)
    return report === undefined ? member : { ...member, ...report, waiting: [...report.waiting] }
  })
}

/** An outcome that awaits its label, and its place: when it was enrolled, or for a stop, when its outcome came. */
export interface WantedLabel {
  readonly at: number
  readonly u: number
  readonly generation_id: string
}

/** The outcomes of a cohort that await their labels: control ones and stops that differ from their probe, the longest waiting first. */
export function wantedLabels (stored: Pick<StoredCohort, 'members' | 'reports' | 'stops'>): WantedLabel[] {
  const reports = new Map(stored.reports.map((report) => [report.u, report]))
  const control = drawsOf(stored).flatMap(({ u, at }) =>
    (reports.get(u)?.waiting ?? []).map((generation_id): WantedLabel => ({ at, u, generation_id })))
  const stops = stored.stops.flatMap(({ generation_id, at, difference }): WantedLabel[] =>
    difference === null ? [{ at, u: 0, generation_id }] : [])
  return [...control, ...stops].sort(byPlace)
}

/** Orders by enrolment. Draws of one list have the same time, so their order is made definite. */
export function byPlace (a: WantedLabel, b: WantedLabel): number {
  return a.at - b.at || a.u - b.u || (a.generation_id < b.generation_id ? -1 : Number(a.generation_id > b.generation_id))
}
