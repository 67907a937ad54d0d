import { addCompared } from '../certificate/arms.js'
import { addUnitTo, type EvidenceSum, leftOutBeside, newSum, type OpenEvidence, sumFrom } from '../certificate/evidence-sum.js'
import { noEvidence, type EvidenceUnit } from '../certificate/evidence.js'
import { addAtWorst, addMissing, type EnrolledUnit, type Missing, samplesOf, stopWaiting, evidenceUnitOfEnrolled, withoutMissing } from './enrolled-unit.js'
import { addSliceCounts, ownSums, type Slice } from './slice.js'

/** The rules of a cohort. Times in ms of the follow-up clock. */
export interface CohortRules {
  readonly followUp: number
  readonly missingOutcomes: Missing
  readonly missingLabels: Missing
  /** How long an outcome waits for its entry. */
  readonly wait: number
  /** Scorers that gather evidence here: the raw confidence, and trials from the first slice that began after their publication. */
  readonly scorers: readonly CohortScorer[]
  /** The worst case of a sample that awaits its label, by scorer. */
  readonly worstUnits: (generationId: string) => ReadonlyMap<number, EvidenceUnit>
}

export interface CohortScorer {
  readonly scorer: number
  readonly thresholds: number
  /** Number of the first slice that it takes evidence from. */
  readonly since: number
  /** Whether it was trained on this unit, and so may not learn from it; absent: it was not trained. */
  readonly isSetAside?: (u: number) => boolean
}

/** Adds a member to the sums of its slice, once none of its outcomes or labels can come any more. */
export function accountFor (member: EnrolledUnit, { scorers }: Pick<CohortRules, 'scorers'>): void {
  const { slice, arm, u } = member
  const samples = samplesOf(member)
  slice.open[arm]--
  if (arm === 'control') {
    const missing = member.lost + member.atWorst
    slice.counts = addSliceCounts(slice.counts, {
      accounted: (samples - missing - member.leftOut) / samples,
      missing: missing / samples,
      cancelled: member.cancelled / samples,
      excluded: (member.leftOut - member.cancelled) / samples,
    })
    for (const { scorer, thresholds, since, isSetAside } of scorers) {
      if (slice.number >= since && isSetAside?.(u) !== true) addToSlice(member, scorer, thresholds)
    }
  }
  compare(member, samples)
}

/** Adds a control member to the evidence of its slice, and to the evidence for the drift detector. */
function addToSlice (member: EnrolledUnit, scorer: number, thresholds: number): void {
  const { evidence, watched } = ownSums(member.slice)
  if (member.lost > 0 && !watched.has(scorer)) watched.set(scorer, sumFrom(evidence.get(scorer) ?? noEvidence(thresholds)))
  const seen = watched.get(scorer)
  if (seen !== undefined) add(seen, evidenceUnitOfEnrolled(withoutMissing(member), scorer, thresholds))
  add(sumIn(evidence, scorer, thresholds), evidenceUnitOfEnrolled(member, scorer, thresholds))
}

function add (sum: EvidenceSum, unit: EvidenceUnit | null): void { if (unit !== null) addUnitTo(sum, unit) }

function sumIn (sums: Slice['evidence'], scorer: number, thresholds: number): EvidenceSum {
  let sum = sums.get(scorer)
  if (sum === undefined) sums.set(scorer, sum = newSum(thresholds))
  return sum
}

/** A missing control outcome counts as wrong, a missing treated one as right, a cancelled one as wrong in both arms. */
function compare ({ slice, arm, share, graded, em, cancelled, unlabelled, measured, tokens }: EnrolledUnit, samples: number): void {
  const compared = samples - unlabelled
  const right = arm === 'treated' ? em + compared - graded - cancelled : em
  slice.arms = addCompared(slice.arms, {
    arm,
    share,
    em: compared === 0 ? null : right / compared,
    ungraded: compared === 0 ? 0 : (compared - graded - cancelled) / compared,
    tokens: measured === 0 ? null : tokens / measured,
  })
}

/**
 * Gives up a member whose follow-up is over: its remaining outcomes and labels count as missing.
 * @returns whether some of its samples are missing
 */
export function endFollowUp (member: EnrolledUnit, rules: Pick<CohortRules, 'missingLabels' | 'missingOutcomes' | 'worstUnits'>): boolean {
  const { samples, reported } = member
  for (const id of member.waiting) {
    if (rules.missingLabels === 'excluded') leaveOutUnlabelled(member)
    else addWorst(member, id, rules)
  }
  member.waiting = []
  const absent = samples === null ? (reported === 0 ? 1 : 0) : Math.max(0, samples - reported)
  member.samples = reported + absent
  member.reported = member.samples
  addMissing(member, absent, rules.missingOutcomes)
  return absent > 0
}

/** A sample whose label does not come. */
function addWorst (member: EnrolledUnit, id: string, { worstUnits }: Pick<CohortRules, 'worstUnits'>): void {
  stopWaiting(member, id)
  addAtWorst(member, worstUnits(id))
}

function leaveOutUnlabelled (member: EnrolledUnit): void {
  member.leftOut++
  member.unlabelled++
}

/** The open slices of a cohort, all its members, and the members of which some samples are known. */
interface Looked {
  readonly slices: readonly Slice[]
  readonly members: Iterable<EnrolledUnit>
  readonly partlyKnown: Iterable<EnrolledUnit>
}

/**
 * The evidence that each ended slice adds to the prefix before it, for one scorer. Leaves out final slices and those after an open one.
 * @returns evidence of the units that are accounted for or have a known worst case, and the number of the other units
 */
export function evidenceOfOpenSlices ({ slices, members, partlyKnown }: Looked, scorer: CohortScorer, rules: CohortRules): OpenEvidence[] {
  const { thresholds, since, isSetAside } = scorer
  const ended = slices.filter((slice) => !slice.isCounted && slice.ends !== null && slice.number >= since)
  const known = ended.map((slice) => slice.evidence.get(scorer.scorer))
  const unaccounted = ended.map((slice) => slice.open.control)
  const sums = new Map<number, EvidenceSum>()
  if (isSetAside !== undefined) {
    for (const { slice, arm, u } of members) {
      const place = ended.indexOf(slice)
      if (place !== -1 && arm === 'control' && isSetAside(u)) unaccounted[place]!--
    }
  }
  for (const member of partlyKnown) {
    const place = ended.indexOf(member.slice)
    if (place === -1 || member.arm !== 'control' || isSetAside?.(member.u) === true) continue
    const unit = worstUnit(member, scorer, rules)
    if (unit === null) continue
    let sum = sums.get(place)
    if (sum === undefined) sums.set(place, sum = sumFrom(known[place] ?? noEvidence(thresholds)))
    addUnitTo(sum, unit)
    unaccounted[place]!--
  }
  const evidenceOf = (place: number) => sums.get(place) ?? known[place] ?? noEvidence(thresholds)
  return ended.map(({ counts }, place) => {
    const leftOut = leftOutBeside(known[place]?.generations ?? 0, counts)
    return { evidence: evidenceOf(place), unaccounted: unaccounted[place]!, ...(leftOut > 0 && { left_out: leftOut }) }
  })
}

/** The worst case of a member; `null`: nothing is known of it. */
function worstUnit (member: EnrolledUnit, { scorer, thresholds }: CohortScorer, rules: CohortRules): EvidenceUnit | null {
  const known = member.worst?.get(scorer)
  if (known !== undefined) return known
  const unit = computeWorst(member, scorer, thresholds, rules)
  const worst = member.worst ??= new Map<number, EvidenceUnit | null>()
  worst.set(scorer, unit)
  return unit
}

function computeWorst (member: EnrolledUnit, scorer: number, thresholds: number, rules: CohortRules): EvidenceUnit | null {
  const { samples, reported, waiting } = member
  const unlabelled = rules.missingLabels === 'excluded' ? waiting.length : 0
  if (samples === null || reported === unlabelled) return null
  const absent = Math.max(0, samples - reported)
  if (unlabelled > 0) return evidenceUnitOfEnrolled(member, scorer, thresholds, absent + unlabelled)
  const worst = { ...member }
  for (const id of waiting) addWorst(worst, id, rules)
  return evidenceUnitOfEnrolled(worst, scorer, thresholds, absent)
}
