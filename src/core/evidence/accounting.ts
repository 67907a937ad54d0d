import { addUnitTo, type EvidenceSum, newSum, sumFrom } from '../stats/evidence-sum.js'
import { type Evidence, noEvidence, type EvidenceUnit } from '../stats/evidence.js'
import type { OpenEvidence } from '../stats/prefixes.js'
import { addAtWorst, type EnrolledUnit, samplesOf, stopWaiting, evidenceUnitOfEnrolled, withoutMissing } from './enrolled-unit.js'
import { accountedIn, addSliceCounts, type Slice, unshareSums, watchedOf } from './slice.js'
import { EIGHTHS } from '../stats/certificate.js'
import type { AwaitingUnits } from '../guards/late-labels.js'

/** The rules of a cohort. Times in ms of the follow-up clock. */
export interface CohortRules {
  readonly followUp: number
  /** Time that a certificate must span; 0: none. */
  readonly span: number
  readonly labelRate: number
  /** Stops of the context that were reported by now. */
  readonly stops: number
  /** How long an outcome waits for its entry. */
  readonly wait: number
  /** How the evidence is scored; `null`: its predictor is gone, so that there is none. */
  readonly scoring: CohortScoring | null
  /** The worst case of a sample that awaits its label; `null`: its steps are no longer known. */
  readonly worstUnit: (generationId: string) => EvidenceUnit | null
}

export interface CohortScoring {
  readonly thresholds: number
  /** Whether the score was trained on this unit, which is then no evidence; absent: it was not trained. */
  readonly isSetAside?: (u: number) => boolean
}

/** Adds a member to the sums of its slice, once none of its outcomes or labels can come any more: a missing one, too (rule E5). */
export function accountFor (member: EnrolledUnit, { scoring }: Pick<CohortRules, 'scoring'>): void {
  const { slice, u } = member
  const samples = samplesOf(member)
  const missing = member.missing + member.atWorst
  slice.open--
  slice.counts = addSliceCounts(slice.counts, {
    accounted: (samples - missing - member.cancelled) / samples,
    missing: missing / samples,
    cancelled: member.cancelled / samples,
  })
  if (scoring !== null && scoring.isSetAside?.(u) !== true) addToSlice(member, scoring)
}

/** Adds a member to the evidence of its slice, for the test and for the drift detector. */
function addToSlice (member: EnrolledUnit, { thresholds }: CohortScoring): void {
  const { slice } = member
  unshareSums(slice)
  slice.evidence ??= newSum(thresholds)
  if (member.missing > 0) slice.watched ??= sumFrom(slice.evidence)
  if (slice.watched !== null) add(slice.watched, evidenceUnitOfEnrolled(withoutMissing(member), thresholds))
  if (member.missing + member.atWorst > 0) slice.accounted ??= sumFrom(slice.evidence)
  if (slice.accounted !== null) add(slice.accounted, accountedUnit(member, thresholds))
  add(slice.evidence, evidenceUnitOfEnrolled(member, thresholds))
}

/** The unit by the samples that are accounted for; `null`: there are none, or a label is missing, so that its difference is not known. */
function accountedUnit (member: EnrolledUnit, thresholds: number): EvidenceUnit | null {
  return member.atWorst > 0 ? null : evidenceUnitOfEnrolled(withoutMissing(member), thresholds)
}

function add (sum: EvidenceSum, unit: EvidenceUnit | null): void { if (unit !== null) addUnitTo(sum, unit) }

/**
 * Gives up a member whose follow-up is over: its remaining outcomes and labels count as missing.
 * @returns whether some of its samples are missing
 */
export function endFollowUp (member: EnrolledUnit, rules: Pick<CohortRules, 'worstUnit'>): boolean {
  const { samples, reported } = member
  for (const id of member.waiting) addWorst(member, id, rules)
  member.waiting = []
  const absent = samples === null ? (reported === 0 ? 1 : 0) : Math.max(0, samples - reported)
  member.samples = reported + absent
  member.reported = member.samples
  member.missing += absent
  return absent > 0
}

/** A sample whose label does not come. */
function addWorst (member: EnrolledUnit, id: string, rules: Pick<CohortRules, 'worstUnit'>): void {
  stopWaiting(member, id)
  addAtWorst(member, rules.worstUnit(id))
}

/** The open slices of a cohort, all its members, and the members of which some samples are known. */
interface Looked {
  readonly slices: readonly Slice[]
  readonly members: Iterable<EnrolledUnit>
  readonly partlyKnown: Iterable<EnrolledUnit>
}

/** The evidence of each ended slice that is not final. A unit is known if it is accounted for or its worst case is known. */
export function evidenceOfOpenSlices ({ slices, members, partlyKnown }: Looked, rules: CohortRules): OpenEvidence[] {
  const { scoring } = rules
  if (scoring === null) return []
  const { thresholds, isSetAside } = scoring
  const ended = slices.filter((slice) => slice.ends !== null)
  const drafts = new Map(ended.map((slice): [Slice, Draft] =>
    [slice, { known: slice.evidence ?? noEvidence(thresholds), sum: null, unaccounted: isSetAside === undefined ? slice.open : 0 }]))
  if (isSetAside !== undefined) {
    for (const { slice, u } of members) {
      const draft = drafts.get(slice)
      if (draft !== undefined && !isSetAside(u)) draft.unaccounted++
    }
  }
  for (const member of partlyKnown) {
    const draft = drafts.get(member.slice)
    if (draft === undefined || isSetAside?.(member.u) === true) continue
    const unit = worstCase(member, thresholds, rules)
    if (unit === null) continue
    draft.unaccounted--
    addUnitTo(draft.sum ??= sumFrom(draft.known), unit)
  }
  return [...drafts].map(([slice, { known, sum, unaccounted }]) => {
    const accounted = accountedIn(slice) ?? known
    return { evidence: sum ?? known, unaccounted, ...(accounted !== (sum ?? known) && { accounted }) }
  })
}

interface Draft {
  readonly known: Evidence
  /** With units whose worst case is known; `null`: there are none. */
  sum: EvidenceSum | null
  unaccounted: number
}

/** The units of each slice of which something is known, by the part of their samples that differs at threshold k and awaits a label. */
export function awaitingInSlices ({ slices, partlyKnown }: Omit<Looked, 'members'>, k: number, rules: CohortRules): AwaitingUnits[] {
  const { scoring } = rules
  if (scoring === null) return []
  const partsOf = (slice: Slice): Array<[part: number, units: number]> => [[0, watchedOf(slice)?.generations ?? 0]]
  const parts = new Map(slices.map((slice) => [slice, partsOf(slice)]))
  for (const member of partlyKnown) {
    const part = scoring.isSetAside?.(member.u) === true ? null : awaitingPart(member, k, scoring.thresholds, rules)
    if (part !== null) parts.get(member.slice)?.push([part, 1])
  }
  return [...parts.values()]
}

/** @returns `null`: nothing is known of the member */
function awaitingPart (member: EnrolledUnit, k: number, thresholds: number, rules: CohortRules): number | null {
  const worst = worstCase(member, thresholds, rules)
  if (worst === null || member.waiting.length === 0) return worst && 0
  const known = evidenceUnitOfEnrolled(member, thresholds, absentOf(member))! // with the same rounding
  return Math.max(0, worst.eighths[k]! - known.eighths[k]!) / EIGHTHS
}

/** The worst case of a member; `null`: nothing is known of it. */
function worstCase (member: EnrolledUnit, thresholds: number, rules: CohortRules): EvidenceUnit | null {
  if (member.worst === undefined) member.worst = computeWorst(member, thresholds, rules)
  return member.worst
}

function computeWorst (member: EnrolledUnit, thresholds: number, rules: CohortRules): EvidenceUnit | null {
  const { samples, reported, waiting } = member
  if (samples === null || reported === 0) return null
  const worst = { ...member }
  for (const id of waiting) addWorst(worst, id, rules)
  return evidenceUnitOfEnrolled(worst, thresholds, absentOf(member))
}

/** Samples of a member without any report. */
function absentOf ({ samples, reported }: EnrolledUnit): number { return Math.max(0, (samples ?? 0) - reported) }
