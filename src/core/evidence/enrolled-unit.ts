import { murmur3 } from '../decide/hash.js'
import { EIGHTHS } from '../stats/certificate.js'
import { addLists, addOptional, type EvidenceUnit, zeroList } from '../stats/evidence.js'
import type { CountedUnit } from '../stats/savings-sums.js'
import { ASIDE, type Slice } from './slice.js'

/** A control generation, or a group, which counts once (rule E7), that is enrolled and not yet accounted for. */
export interface EnrolledUnit {
  readonly u: number
  /** The second hash of its draw, which distinguishes the generation that enrolled a prompt from others of the same prompt. */
  readonly hash: number
  /** Control share at which it was drawn. */
  readonly share: number
  /** When it was enrolled, by the follow-up clock, ms. */
  readonly at: number
  slice: Slice
  /** In a pool: the context that its first outcome named. Absent: the enrolling context itself, or nothing is known. */
  leaf?: string
  /** Whether it was drawn from the hash of a prompt. Absent: no, or nothing is known. */
  byPrompt?: boolean
  /** Number of its samples; `null`: no outcome has stated it. */
  samples: number | null
  /** Numbers of the samples that were reported, as far as outcomes state them. */
  indices: readonly number[]
  /**
   * Samples whose outcome has arrived, and those that never came; of these, those that their client cancelled, which are left out, those
   * that are missing and count as lost, and those that await a label, by generation id.
   */
  reported: number
  cancelled: number
  missing: number
  /** Samples of which only the label is missing, which count as the worst case. */
  atWorst: number
  waiting: readonly string[]
  /** Sums over the known samples; `null`: there are none, or their score is gone or was trained on them. */
  sums: EvidenceUnit | null
  /** Cache of its worst case, which every look needs, until more is reported; `null`: nothing is known of it. Not stored. */
  worst?: EvidenceUnit | null
  /** Samples whose savings were counted, the tokens that stopping would have spared in them, and samples of known loss. Absent: none. */
  saved?: CountedUnit
}

/** The report on one sample. */
export type SampleReport =
  /** `unit`: `null` if its score is gone or was trained on it. */
  | { readonly kind: 'known', readonly unit: EvidenceUnit | null }
  /** Its answer would have changed somewhere, and only a label can show whether that lost anything. */
  | { readonly kind: 'awaits_label', readonly generation_id: string }
  /** The same where too many await their labels already: the worst that it can be. */
  | { readonly kind: 'at_worst', readonly unit: EvidenceUnit | null }
  /** Its outcome, its complete steps or its control run is missing. */
  | { readonly kind: 'missing' }
  /** The client went away. */
  | { readonly kind: 'cancelled' }

/** Shared by members that have none: a hundred thousand may be open. */
const NO_INDICES: readonly number[] = []
const NOBODY: readonly string[] = []

export function newEnrolledUnit (
  { u, hash, share, at, slice }: Pick<EnrolledUnit, 'u' | 'hash' | 'share' | 'at' | 'slice'>
): EnrolledUnit {
  return {
    u,
    hash,
    share,
    at,
    slice,
    samples: null,
    indices: NO_INDICES,
    reported: 0,
    cancelled: 0,
    missing: 0,
    atWorst: 0,
    waiting: NOBODY,
    sums: null,
  }
}

/** Whether it is evidence of the context that it is enrolled in. */
export function isEvidence ({ slice }: EnrolledUnit): boolean { return slice.number !== ASIDE }

/** Counts a sample that has not been reported before. */
export function addReport (member: EnrolledUnit, report: SampleReport): void {
  member.reported++
  delete member.worst
  switch (report.kind) {
    case 'cancelled': member.cancelled++; return
    case 'missing': member.missing++; return
    case 'awaits_label': member.waiting = [...member.waiting, report.generation_id]; return
    case 'at_worst': addAtWorst(member, report.unit); return
    case 'known': addKnown(member, report.unit)
  }
}

/**
 * Notes the number that a sample has in its group. A retried sample is reported under several ids but counts once; otherwise the group
 * would be complete before its last sample.
 * @returns whether the number is new
 */
export function noteIndex (member: EnrolledUnit, index: number): boolean {
  if (member.indices.includes(index)) return false
  member.indices = [...member.indices, index]
  return true
}

/** The label of a sample that awaited it. */
export function addLabel (member: EnrolledUnit, generationId: string, unit: EvidenceUnit | null): void {
  stopWaiting(member, generationId)
  addKnown(member, unit)
}

/** The label of a sample is awaited no longer. */
export function stopWaiting (member: EnrolledUnit, generationId: string): void {
  delete member.worst
  member.waiting = member.waiting.filter((id) => id !== generationId)
}

/** A sample whose label is missing: the worst that it can be, or lost at every threshold if its steps are no longer known. */
export function addAtWorst (member: EnrolledUnit, unit: EvidenceUnit | null): void {
  if (unit === null) member.missing++; else member.atWorst++
  addKnown(member, unit)
}

function addKnown (member: EnrolledUnit, unit: EvidenceUnit | null): void {
  if (unit !== null) member.sums = addSample(member.sums, unit)
}

/** How many samples a member has, as far as is known. */
export function samplesOf ({ samples, reported }: EnrolledUnit): number { return Math.max(1, samples ?? 0, reported) }

/** Whether all of its samples are accounted for. */
export function isComplete ({ samples, reported, waiting }: EnrolledUnit): boolean {
  return samples !== null && reported >= samples && waiting.length === 0
}

/** Whether a member that is accounted for came to something, so that the guards see it; `null`: its client cancelled all of it. */
export function isSeen (member: EnrolledUnit): boolean | null {
  const present = samplesOf(member) - member.cancelled
  return present === 0 ? null : present > member.missing + member.atWorst
}

/** The member as if its missing samples had been cancelled. Those of which only the label is missing stay, at their worst. */
export function withoutMissing (member: EnrolledUnit): EnrolledUnit {
  return { ...member, missing: 0, cancelled: member.cancelled + member.missing }
}

/**
 * The unit of evidence of a member; `null` if it is left out.
 * @param alsoLost samples without any report, which count as lost
 */
export function evidenceUnitOfEnrolled (member: EnrolledUnit, thresholds: number, alsoLost = 0): EvidenceUnit | null {
  const count = samplesOf(member) - member.cancelled
  return count <= 0 ? null : meanUnit(member.sums, member.missing + alsoLost, count, member.u, thresholds)
}

/**
 * Adds the samples of a group. `eighths` are sums, whole numbers, of which `meanUnit` makes the unit of the group.
 * @param sums `null` before the first sample
 */
export function addSample (sums: EvidenceUnit | null, sample: EvidenceUnit): EvidenceUnit {
  if (sums === null) return sample
  const probeTokens = addOptional(sums.probe_tokens, sample.probe_tokens)
  return {
    tokens: sums.tokens + sample.tokens,
    em: sums.em + sample.em,
    labelled: sums.labelled + sample.labelled,
    unprobed_generations: sums.unprobed_generations + sample.unprobed_generations,
    eighths: addLists(sums.eighths, sample.eighths),
    stopped_tokens: addLists(sums.stopped_tokens, sample.stopped_tokens),
    unprobed: addLists(sums.unprobed, sample.unprobed),
    ...(probeTokens !== undefined && { probe_tokens: probeTokens }),
  }
}

/**
 * The unit of a group: at each threshold the mean difference over its samples, rounded to a whole eighth by the group's own hash, so that
 * the rounding adds nothing on average and never turns a smaller mean into a larger one (see docs/concepts/certificate.md).
 * @param sums of the reported samples; `null`: there are none
 * @param lost samples besides that count as lost
 * @param count samples that the mean is over, at least 1
 * @param u of the group
 */
export function meanUnit (sums: EvidenceUnit | null, lost: number, count: number, u: number, thresholds: number): EvidenceUnit {
  const known = sums ?? nothing(thresholds)
  if (count === 1 && lost === 0) return known
  const { eighths, ...rest } = known
  if (count === 1) return { ...rest, eighths: eighths.map((d) => d + EIGHTHS * lost) }
  const rounding = murmur3(`round:${u}`) / 0x1_0000_0000
  return { ...rest, eighths: eighths.map((sum) => Math.floor((sum + EIGHTHS * lost) / count + rounding)) }
}

function nothing (thresholds: number): EvidenceUnit {
  const zeros = zeroList(thresholds)
  return { tokens: 0, em: 0, labelled: 0, unprobed_generations: 0, eighths: zeros, stopped_tokens: zeros, unprobed: zeros }
}
