import type { Arm } from '../assignment/arm.js'
import { addLost, addUnit, mergeEvidence, noEvidence, type Evidence, type Unit } from '../certificate/evidence.js'
import { addCompared } from '../certificate/arm-sums.js'
import type { EnrolmentEntry } from './enrolment-list.js'
import { addLabel, addMissing, addReport, isComplete, newMember, samplesOf, unitOfMember, withoutMissing, type Member, type Missing, type SampleReport } from './member.js'
import { restoreMember, restoreSlice, storeMember, storeSlice, type StoredCohort } from './stored-cohort.js'
import { absorb, addCounts, isFinal, newSlice, type Slice } from './slice.js'
import type { EarlyOutcome } from './early-outcome.js'

/** Enrolments of a context that are not accounted for, at most; and outcomes that wait for their entry. */
export const MOST_OPEN = 4096
export const MOST_EARLY = 1024
/** Open slices at most. */
export const MOST_SLICES = 8
/** A slice ends at this many enrolments, but not before this part of the follow-up, and at the latest after that part. */
const SLICE_SIZE = 32
const SLICE_LEAST = 1 / 64
const SLICE_MOST = 1 / 8
/** Enrolments that went missing and are remembered, to tell an outcome that comes too late. */
const MOST_MISSED = 1024
/** Units that were accounted for or void and are remembered for a while. */
const MOST_RECENT = 4096
/** For how many times the wait the largest share decides who may still enrol: a minute. */
const SHARE_WAITS = 5

/** What a cohort goes by. Times in ms of the follow-up clock. */
export interface CohortRules {
  readonly followUp: number
  readonly missingOutcomes: Missing
  readonly missingLabels: Missing
  /** How long an outcome waits for its entry. */
  readonly wait: number
  /** Scorers that gather evidence here: the raw confidence, and trials from the first slice that began after their publication. */
  readonly scorers: readonly CohortScorer[]
  /** What a sample that awaits its label is at worst, by scorer. */
  readonly worstUnits: (generationId: string) => ReadonlyMap<number, Unit>
}

export interface CohortScorer {
  readonly scorer: number
  readonly thresholds: number
  /** Number of the first slice that it takes evidence from. */
  readonly since: number
  /** Whether it was trained on this unit, and so may not learn from it. */
  readonly isSetAside: (u: number) => boolean
}

/** Control units enrolled, and draws of void entries, since they were last asked for. */
export interface EntryCounts { enrolled: number, void: number }

/** A sample whose label has come. */
export interface GradedSample { readonly generation_id: string, readonly units: ReadonlyMap<number, Unit>, readonly em: number | null }

interface Until { readonly value: number, readonly until: number }

/**
 * The generations of one context and epoch, in the order of their enrolment, until each is accounted for. Nothing is waited for: whoever is
 * not accounted for counts as lost (see docs/concepts/certificate.md). Mutable; the learner commits what has changed.
 */
export class Cohort {
  readonly epoch: string
  readonly members = new Map<number, Member>()
  slices: Slice[] = []
  early: EarlyOutcome[] = []
  #nextSlice = 0
  #isPublicationNext = false
  /** Second hashes from here on were left out by some entry, and shares at which entries drew, each while it matters. */
  #cutoffs: Until[] = []
  #shares: Until[] = []
  #voidUntil = 0
  /** Units that were accounted for or void a short while ago: neither enrols again. */
  #recent = new Map<number, number>()
  #missed = new Set<number>()
  #counts: EntryCounts = { enrolled: 0, void: 0 }

  /** When its evidence was last looked at, by the follow-up clock, and whether anything has changed since. */
  lookedAt = 0
  isChanged = false
  /** Whether it differs from what was stored last. */
  isDirty = false

  constructor (epoch: string) { this.epoch = epoch }

  /** The cohort as it was when it was stored. */
  static restore (stored: StoredCohort): Cohort {
    const cohort = new Cohort(stored.epoch)
    cohort.#nextSlice = stored.next_slice
    cohort.#isPublicationNext = stored.is_publication_next
    cohort.lookedAt = stored.looked_at
    cohort.isChanged = stored.is_changed
    cohort.#cutoffs = [...stored.cutoffs]
    cohort.#shares = [...stored.shares]
    cohort.#voidUntil = stored.void_until
    cohort.#recent = new Map(stored.recent)
    cohort.#missed = new Set(stored.missed)
    cohort.early = [...stored.early]
    cohort.slices = stored.slices.map(restoreSlice)
    const byNumber = new Map(cohort.slices.map((slice) => [slice.number, slice]))
    for (const member of stored.members) {
      const restored = restoreMember(member, byNumber, newMember)
      cohort.members.set(restored.u, restored)
    }
    return cohort
  }

  store (): StoredCohort {
    return {
      epoch: this.epoch,
      next_slice: this.#nextSlice,
      looked_at: this.lookedAt,
      is_changed: this.isChanged,
      is_publication_next: this.#isPublicationNext,
      cutoffs: this.#cutoffs,
      shares: this.#shares,
      void_until: this.#voidUntil,
      recent: [...this.#recent],
      missed: [...this.#missed],
      early: [...this.early],
      slices: this.slices.map(storeSlice),
      members: [...this.members.values()].map(storeMember),
    }
  }

  get open (): number { return this.members.size }

  /** Whether the passing of time alone may bring anything. */
  get isUnderWay (): boolean { return this.members.size > 0 || this.slices.length > 0 || this.early.length > 0 }

  /** The number that the next slice to begin will have. */
  get nextSlice (): number { return this.#nextSlice }

  /** Whether an outcome without an entry may still have one under way. */
  mayEnrol (u: number, hash: number, share: number, clock: number): boolean {
    const widest = this.#shares.reduce((most, { value, until }) => until > clock ? Math.max(most, value) : most, share)
    return u < 2 * widest && hash < this.#cutoff(clock) && !this.#isSpent(u, clock)
  }

  /** Whether a unit was enrolled or void before, and so may not enrol again. */
  #isSpent (u: number, clock: number): boolean { return this.#missed.has(u) || (this.#recent.get(u) ?? 0) > clock }

  isMissed (u: number): boolean { return this.#missed.has(u) }

  /** Keeps an outcome until its entry comes; where there is no room, what its entry brings is void. */
  addEarly (outcome: EarlyOutcome): boolean {
    this.isDirty = true
    if (this.early.length >= MOST_EARLY) {
      this.#voidUntil = outcome.until
      return false
    }
    this.early.push(outcome)
    return true
  }

  /** The outcomes whose entry did not come in time. */
  dropEarly (clock: number): EarlyOutcome[] {
    if (this.early.length === 0 || this.early[0]!.until > clock) return []
    const gone = this.early.filter(({ until }) => until <= clock)
    this.early = this.early.filter(({ until }) => until > clock)
    this.isDirty = true
    return gone
  }

  /** Takes the early outcomes of a unit. */
  takeEarly (u: number): EarlyOutcome[] {
    if (!this.early.some((outcome) => outcome.u === u)) return []
    const taken = this.early.filter((outcome) => outcome.u === u)
    this.early = this.early.filter((outcome) => outcome.u !== u)
    this.isDirty = true
    return taken
  }

  /**
   * Enrols the draws of an entry.
   * @param isVoid whether the entry came too late, or was for another epoch; it is also void where there is no room for it.
   *   A void entry thins nobody: a replica that was cut off for long has left out most of what it drew
   * @returns the new members
   */
  enrol ({ share, draws, cutoff }: EnrolmentEntry, clock: number, rules: CohortRules, isVoid = false): Member[] {
    this.#change()
    this.#shares = withBound(this.#shares, { value: share, until: clock + SHARE_WAITS * rules.wait }, clock, (other) => other <= share)
    if (cutoff !== undefined && !isVoid) {
      const bound = { value: cutoff, until: clock + rules.followUp }
      this.#cutoffs = withBound(this.#cutoffs, bound, clock, (other) => other >= cutoff)
    }
    const below = this.#cutoff(clock)
    const able = draws.filter(([u, hash]) => u < 2 * share && hash < below && !this.members.has(u) && !this.#isSpent(u, clock))
    const fresh = [...new Set(able.map(([u]) => u))] // the samples of a group are drawn alike
    if (isVoid || clock < this.#voidUntil || this.members.size + fresh.length > MOST_OPEN) {
      this.#counts.void += fresh.length
      for (const u of fresh) this.#remember(u, clock + rules.followUp, clock)
      return []
    }
    this.#endSlice(clock, rules.followUp) // what is due comes first
    return fresh.map((u) => this.#add(u, u < share ? 'control' : 'treated', share, clock))
  }

  #change (): void {
    this.isChanged = true
    this.isDirty = true
  }

  #add (u: number, arm: Arm, share: number, clock: number): Member {
    const slice = this.#newest(clock)
    const member = newMember({ u, arm, share, at: clock, slice })
    this.members.set(u, member)
    slice.open[arm]++
    if (arm === 'control') {
      slice.enrolled++
      this.#counts.enrolled++
    }
    return member
  }

  #newest (clock: number): Slice {
    const last = this.slices.at(-1)
    if (last !== undefined && last.ends === null) return last
    const slice = newSlice(this.#nextSlice++, clock, this.#isPublicationNext)
    this.#isPublicationNext = false
    this.slices.push(slice)
    return slice
  }

  /** Ends the newest slice, so that a predictor that is published now takes evidence from the next one on. */
  publish (clock: number): void {
    const last = this.slices.at(-1)
    if (last !== undefined && last.ends === null) last.ends = clock
    this.#isPublicationNext = true
    this.#change()
  }

  /** Counts what is known of one sample of a member. @param samples how many samples the member has; `null`: not known */
  report (member: Member, report: SampleReport, samples: number | null, clock: number, rules: CohortRules): void {
    if (samples !== null) member.samples = Math.max(samples, member.samples ?? 0)
    addReport(member, report, rules.missingOutcomes)
    this.#change()
    if (isComplete(member)) this.#account(member, clock, rules)
  }

  label (member: Member, graded: GradedSample, clock: number, rules: CohortRules): void {
    addLabel(member, graded.generation_id, graded.units, graded.em)
    this.#change()
    if (isComplete(member)) this.#account(member, clock, rules)
  }

  takeCounts (): EntryCounts {
    const counts = this.#counts
    this.#counts = { enrolled: 0, void: 0 }
    return counts
  }

  /** Whether the clock brings anything: a look that is due, the end of a slice, or the end of a follow-up or of a wait. */
  isDue (clock: number, { followUp, look }: { readonly followUp: number, readonly look: number }): boolean {
    const [oldest] = this.members.values()
    return (this.isChanged && clock >= this.lookedAt + look) || this.#isSliceOver(clock, followUp) ||
      (oldest !== undefined && clock >= oldest.at + followUp) || (this.early.length > 0 && clock >= this.early[0]!.until)
  }

  /** What the clock brings: ends slices, and gives up members whose follow-up is over. @returns ids of outcomes whose label did not come */
  advance (clock: number, rules: CohortRules): string[] {
    this.#endSlice(clock, rules.followUp)
    const unlabelled: string[] = []
    for (const member of this.members.values()) {
      if (member.at + rules.followUp > clock) break // the others came later
      unlabelled.push(...member.waiting)
      this.#giveUp(member, clock, rules)
    }
    this.#mergeSlices()
    return unlabelled
  }

  #giveUp (member: Member, clock: number, rules: CohortRules): void {
    const { samples, reported } = member
    this.#change()
    for (const id of member.waiting) {
      if (rules.missingLabels === 'excluded') leaveOutUnlabelled(member)
      else addWorst(member, id, rules)
    }
    member.waiting = []
    const absent = samples === null ? (reported === 0 ? 1 : 0) : Math.max(0, samples - reported)
    member.samples = reported + absent
    member.reported = member.samples
    addMissing(member, absent, rules.missingOutcomes)
    if (absent > 0) {
      this.#missed.add(member.u)
      if (this.#missed.size > MOST_MISSED) this.#missed.delete(this.#missed.values().next().value!)
    }
    this.#account(member, clock, rules)
  }

  #account (member: Member, clock: number, rules: CohortRules): void {
    const { slice, arm, u } = member
    this.members.delete(u)
    this.#remember(u, clock + 2 * rules.wait, clock)
    slice.open[arm]--
    const samples = samplesOf(member)
    if (arm === 'control') {
      const missing = member.lost + member.atWorst
      slice.counts = addCounts(slice.counts, {
        accounted: (samples - missing - member.leftOut) / samples,
        missing: missing / samples,
        cancelled: member.cancelled / samples,
        excluded: (member.leftOut - member.cancelled) / samples,
      })
      for (const { scorer, thresholds, since, isSetAside } of rules.scorers) {
        if (slice.number < since || isSetAside(u)) continue
        addToSlice(member, scorer, thresholds)
      }
    }
    this.#compare(member, samples)
  }

  /** A missing control outcome counts as wrong, a missing treated one as right, a cancelled one as wrong in both arms. */
  #compare ({ slice, arm, share, graded, em, cancelled, unlabelled, measured, tokens }: Member, samples: number): void {
    const compared = samples - unlabelled
    const right = arm === 'treated' ? em + compared - graded - cancelled : em
    slice.arms = addCompared(slice.arms, {
      arm, share, em: compared === 0 ? null : right / compared, tokens: measured === 0 ? null : tokens / measured,
    })
  }

  #remember (u: number, until: number, clock: number): void {
    this.#recent.delete(u)
    this.#recent.set(u, until)
    for (const [oldest, its] of this.#recent) {
      if (its > clock && this.#recent.size <= MOST_RECENT) break
      this.#recent.delete(oldest)
    }
  }

  #endSlice (clock: number, followUp: number): void {
    if (!this.#isSliceOver(clock, followUp)) return
    this.slices.at(-1)!.ends = clock
    this.#change()
  }

  /** Whether the newest slice takes no more. */
  #isSliceOver (clock: number, followUp: number): boolean {
    const last = this.slices.at(-1)
    if (last === undefined || last.ends !== null) return false
    const age = clock - last.begins
    return (last.enrolled >= SLICE_SIZE && age >= SLICE_LEAST * followUp) || age >= SLICE_MOST * followUp
  }

  #mergeSlices (): void {
    for (const isCounted of [false, true]) {
      for (;;) {
        const open = this.slices.filter((slice) => slice.isCounted === isCounted)
        if (open.length <= MOST_SLICES) break
        const pair = shortestPair(isCounted ? open : open.slice(0, -1))
        if (pair === null) break
        this.#merge(...pair)
      }
    }
  }

  #merge (first: Slice, second: Slice): void {
    this.isDirty = true
    absorb(first, second)
    for (const member of this.members.values()) if (member.slice === second) member.slice = first
    this.slices = this.slices.filter((slice) => slice !== second)
  }

  /** The slices at the front that have become final, each once: their evidence joins the sum. */
  takeFinal (): Slice[] {
    const taken: Slice[] = []
    for (const slice of this.slices) {
      if (slice.isCounted) continue
      if (!isFinal(slice)) break
      slice.isCounted = true
      this.isDirty = true
      taken.push(slice)
    }
    return taken
  }

  /** The slices at the front that are final in both arms, each once, for the comparison. */
  takeCompared (): Slice[] {
    const taken: Slice[] = []
    while (this.slices[0]?.isCounted && this.slices[0].open.treated === 0) taken.push(this.slices.shift()!)
    if (taken.length > 0) this.isDirty = true
    return taken
  }

  /**
   * What each ended slice that is not final yet, and has none before it that is not ended, adds to the prefix before it, for one scorer.
   * @returns evidence of those accounted for, or known at worst, and how many others there are, all of which count as lost
   */
  openEvidence ({ scorer, thresholds, since, isSetAside }: CohortScorer, rules: CohortRules): OpenEvidence[] {
    const ended = this.slices.filter((slice) => !slice.isCounted && slice.ends !== null && slice.number >= since)
    const bySlice = new Map(ended.map((slice) => [slice, { evidence: slice.evidence.get(scorer) ?? noEvidence(thresholds), lost: 0 }]))
    for (const member of this.members.values()) {
      const sums = bySlice.get(member.slice)
      if (sums === undefined || member.arm !== 'control' || isSetAside(member.u)) continue
      const unit = worstUnit(member, scorer, thresholds, rules)
      if (unit === null) sums.lost++
      else sums.evidence = addUnit(sums.evidence, unit)
    }
    return [...bySlice.values()]
  }

  #cutoff (clock: number): number {
    return this.#cutoffs.reduce((least, { value, until }) => until > clock ? Math.min(least, value) : least, Infinity)
  }
}

export interface OpenEvidence { evidence: Evidence, lost: number }

/** Adds an accounted control member to the evidence of its slice, and to what the drift detector watches of it. */
function addToSlice (member: Member, scorer: number, thresholds: number): void {
  const { slice } = member
  const before = slice.evidence.get(scorer) ?? noEvidence(thresholds)
  const add = (evidence: Evidence, unit: Unit | null) => unit === null ? evidence : addUnit(evidence, unit)
  if (member.lost > 0 || slice.watched.has(scorer)) {
    slice.watched.set(scorer, add(slice.watched.get(scorer) ?? before, unitOfMember(withoutMissing(member), scorer, thresholds)))
  }
  slice.evidence.set(scorer, add(before, unitOfMember(member, scorer, thresholds)))
}

/** A sample whose label does not come, at its worst: lost everywhere, if what is known of it is gone. */
function addWorst (member: Member, id: string, rules: CohortRules): void {
  const units = rules.worstUnits(id)
  if (member.arm === 'control') { if (units.size === 0) member.lost++; else member.atWorst++ }
  addLabel(member, id, units, null)
}

function leaveOutUnlabelled (member: Member): void {
  member.leftOut++
  member.unlabelled++
}

/** What a member is at worst; `null`: nothing is known of it. */
function worstUnit (member: Member, scorer: number, thresholds: number, rules: CohortRules): Unit | null {
  const { samples, reported, waiting } = member
  const unlabelled = rules.missingLabels === 'excluded' ? waiting.length : 0
  if (samples === null || reported === unlabelled) return null
  const absent = Math.max(0, samples - reported)
  if (unlabelled > 0) return unitOfMember(member, scorer, thresholds, absent + unlabelled)
  const worst = { ...member }
  for (const id of waiting) addWorst(worst, id, rules)
  return unitOfMember(worst, scorer, thresholds, absent)
}

/** The two neighbours that are shortest together in time, and may merge. */
function shortestPair (slices: readonly Slice[]): [Slice, Slice] | null {
  let best: [Slice, Slice] | null = null
  for (let i = 1; i < slices.length; i++) {
    const [first, second] = [slices[i - 1]!, slices[i]!]
    if (second.isAfterPublication) continue
    if (best === null || second.ends! - first.begins < best[1].ends! - best[0].begins) best = [first, second]
  }
  return best
}

/** A bound that holds for a while, added to others; those that are over go, and those that the new one outlasts and covers. */
function withBound (bounds: readonly Until[], added: Until, clock: number, isCovered: (value: number) => boolean): Until[] {
  return [...bounds.filter(({ value, until }) => until > clock && !(until <= added.until && isCovered(value))), added]
}

/** The evidence of a sum and each run of open slices that follows it, shortest first: the prefixes that may certify. */
export function prefixesOf (sum: Evidence, open: readonly OpenEvidence[]): Evidence[] {
  const prefixes = [sum]
  for (const { evidence, lost } of open) prefixes.push(addLost(mergeEvidence(prefixes.at(-1)!, evidence), lost))
  return prefixes
}
