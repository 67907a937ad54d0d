import { addDifferencesOf, type DifferenceSum, differenceSumFrom, noDifferences } from '../certificate/difference-sums.js'
import { addUnitTo, type EvidenceSum, newSum, type OpenEvidence, sumFrom } from '../certificate/evidence-sum.js'
import { type Evidence, noEvidence, type EvidenceUnit } from '../certificate/evidence.js'
import type { OpenDifferences } from '../certificate/tested-evidence.js'
import { addAtWorst, type EnrolledUnit, samplesOf, stopWaiting, evidenceUnitOfEnrolled, withoutMissing } from './enrolled-unit.js'
import { addSliceCounts, type Slice, unshareSums } from './slice.js'

/** The rules of a cohort. Times in ms of the follow-up clock. */
export interface CohortRules {
  readonly followUp: number
  /** Time over which a first certificate gathers its evidence; 0: none. */
  readonly span: number
  readonly labelRate: number
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
  /** Whether a unit is tested (see `evidence-span.ts`); absent: all are. */
  readonly isTested?: (unit: EnrolledUnit) => boolean
}

/** Adds a member to the sums of its slice, once none of its outcomes or labels can come any more. */
export function accountFor (member: EnrolledUnit, { scoring }: Pick<CohortRules, 'scoring'>): void {
  const { slice, u } = member
  const samples = samplesOf(member)
  const missing = member.lost + member.atWorst
  slice.open--
  slice.counts = addSliceCounts(slice.counts, {
    accounted: (samples - missing - member.cancelled) / samples,
    missing: missing / samples,
    cancelled: member.cancelled / samples,
  })
  if (scoring !== null && scoring.isSetAside?.(u) !== true) addToSlice(member, scoring)
}

/** Adds a member to the evidence of its slice, for the test and for the drift detector. */
function addToSlice (member: EnrolledUnit, { thresholds, isTested }: CohortScoring): void {
  const { slice } = member
  unshareSums(slice)
  slice.evidence ??= newSum(thresholds)
  if (member.lost > 0) slice.watched ??= sumFrom(slice.evidence)
  if (slice.watched !== null) add(slice.watched, evidenceUnitOfEnrolled(withoutMissing(member), thresholds))
  const unit = evidenceUnitOfEnrolled(member, thresholds)
  add(slice.evidence, unit)
  if (isTested?.(member) === false) return
  slice.differences ??= differenceSumFrom(noDifferences(thresholds))
  if (unit !== null) addDifferencesOf(slice.differences, unit.eighths)
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
  member.lost += absent
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

/** An open slice: its evidence, and what it adds to the prefix before it. */
export interface OpenSlice extends OpenEvidence { readonly differences: OpenDifferences }

/** The evidence of each ended slice that is not final. A unit is known if it is accounted for or its worst case is known. */
export function evidenceOfOpenSlices ({ slices, members, partlyKnown }: Looked, rules: CohortRules): OpenSlice[] {
  const { scoring } = rules
  if (scoring === null) return []
  const { thresholds, isSetAside, isTested } = scoring
  const ended = slices.filter((slice) => slice.ends !== null)
  const drafts = new Map(ended.map((slice) => [slice, newDraft(slice, thresholds)]))
  if (isSetAside === undefined && isTested === undefined) {
    for (const [slice, draft] of drafts) addUnaccounted(draft, slice.open, true)
  } else {
    for (const member of members) {
      const draft = drafts.get(member.slice)
      if (draft === undefined || isSetAside?.(member.u) === true) continue
      addUnaccounted(draft, 1, isTested?.(member) !== false)
    }
  }
  for (const member of partlyKnown) {
    const draft = drafts.get(member.slice)
    if (draft === undefined || isSetAside?.(member.u) === true) continue
    const unit = worstCase(member, thresholds, rules)
    if (unit === null) continue
    const isCounting = isTested?.(member) !== false
    addUnaccounted(draft, -1, isCounting)
    addUnitTo(draft.sum ??= sumFrom(draft.known), unit)
    if (isCounting) addDifferencesOf(draft.differences.sums, unit.eighths)
  }
  return [...drafts.values()].map(({ known, sum, unaccounted, differences }) => ({ evidence: sum ?? known, unaccounted, differences }))
}

interface Draft {
  readonly known: Evidence
  /** With units whose worst case is known; `null`: there are none. */
  sum: EvidenceSum | null
  unaccounted: number
  readonly differences: { readonly sums: DifferenceSum, unaccounted: number }
}

function newDraft ({ evidence, differences }: Slice, thresholds: number): Draft {
  const sums = differenceSumFrom(differences ?? noDifferences(thresholds))
  return { known: evidence ?? noEvidence(thresholds), sum: null, unaccounted: 0, differences: { sums, unaccounted: 0 } }
}

function addUnaccounted (draft: Draft, units: number, areTested: boolean): void {
  draft.unaccounted += units
  if (areTested) draft.differences.unaccounted += units
}

/** The worst case of a member; `null`: nothing is known of it. */
function worstCase (member: EnrolledUnit, thresholds: number, rules: CohortRules): EvidenceUnit | null {
  if (member.worst === undefined) member.worst = computeWorst(member, thresholds, rules)
  return member.worst
}

function computeWorst (member: EnrolledUnit, thresholds: number, rules: CohortRules): EvidenceUnit | null {
  const { samples, reported, waiting } = member
  if (samples === null || reported === 0) return null
  const absent = Math.max(0, samples - reported)
  const worst = { ...member }
  for (const id of waiting) addWorst(worst, id, rules)
  return evidenceUnitOfEnrolled(worst, thresholds, absent)
}
