import type { EvidenceUnit } from '../stats/evidence.js'
import type { ServedDifference } from '../outcome/observed-stop.js'
import type { OpenEvidence } from '../stats/prefixes.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import { accountFor, awaitingInSlices, type CohortRules, endFollowUp, evidenceOfOpenSlices } from './accounting.js'
import { Admission, type EarlyOutcome, type VoidCause } from './admission.js'
import { addLabel, addReport, isComplete, isEvidence, isSeen, type EnrolledUnit, newEnrolledUnit, type SampleReport } from './enrolled-unit.js'
import type { EnrolmentEntry } from './enrolment-list.js'
import { SliceQueue } from './slice-queue.js'
import { asideSlice, isFinal, type Slice } from './slice.js'
import type { AwaitingUnits } from '../guards/late-labels.js'
import { StopQueue } from '../guards/stop-queue.js'
import { Traffic } from './traffic.js'

/** Limit of the enrolments of a context that are not accounted for. */
export const MAX_OPEN_ENROLMENTS = 16_384
/** Limit of the samples of a context that await their labels: the learner keeps the steps of each. */
export const MAX_AWAITING_LABELS = 16_384

const NOBODY: readonly EnrolledUnit[] = []
const NO_UNITS: readonly boolean[] = []

/** Units enrolled, void units, and those left out by that, since they were last asked for. */
const NO_COUNTS = { enrolled: 0, void: 0, left_out: 0 }

/** The parts of a cohort besides its members. */
interface CohortParts {
  readonly queue: SliceQueue
  readonly stops: StopQueue
  readonly admission: Admission
  readonly traffic: Traffic
  readonly lookedAt: number
  readonly isChanged: boolean
}

function newParts (): CohortParts {
  const parts = { queue: new SliceQueue(), stops: new StopQueue(), admission: new Admission(), traffic: new Traffic() }
  return { ...parts, lookedAt: 0, isChanged: false }
}

/** A sample whose label has come. */
interface GradedSample {
  readonly generation_id: string
  readonly unit: EvidenceUnit | null
}

/**
 * The control generations of one context and epoch, in the order of their enrolment, until each is accounted for. Nothing waits: a
 * generation that is not accounted for counts as lost (see docs/concepts/certificate.md). Mutable; the learner commits the changes.
 */
export class Cohort {
  readonly epoch: string
  readonly members = new Map<number, EnrolledUnit>()
  /** The members of which some sample is known. */
  readonly #partlyKnown = new Set<EnrolledUnit>()
  readonly #queue: SliceQueue
  readonly stops: StopQueue
  readonly #admission: Admission
  readonly traffic: Traffic
  #counts = { ...NO_COUNTS }
  /** Samples that await their labels. */
  #waiting = 0
  /** Members with a leaf that were accounted for. Not stored, since they are taken within the same entry. */
  #accounted: EnrolledUnit[] = []
  /** Whether each unit that has become due came to something (see `sight.ts`). Not stored, since they are taken within the same entry. */
  #due: boolean[] = []
  /** When its evidence was last tested, by the follow-up clock. */
  lookedAt: number
  /** Whether anything has changed since. */
  #isChanged: boolean
  /** Whether it differs from its stored state. */
  isDirty = false

  /** @param members in the order of enrolment, in slices of the queue */
  constructor (
    epoch: string, members: readonly EnrolledUnit[] = [], parts: Partial<CohortParts> = {}) {
    const { queue, stops, admission, traffic, lookedAt, isChanged } = { ...newParts(), ...parts }
    this.epoch = epoch
    this.#queue = queue
    this.stops = stops
    this.#admission = admission
    this.traffic = traffic
    this.lookedAt = lookedAt
    this.#isChanged = isChanged
    for (const member of members) {
      this.members.set(member.u, member)
      this.#waiting += member.waiting.length
      if (member.reported > 0) this.#partlyKnown.add(member)
    }
  }

  /** To be stored. */
  get parts (): CohortParts {
    const { stops, traffic, lookedAt } = this
    return { queue: this.#queue, stops, admission: this.#admission, traffic, lookedAt, isChanged: this.#isChanged }
  }

  get open (): number { return this.members.size }

  get slices (): readonly Slice[] { return this.#queue.slices }

  /** Number of control outcomes that wait for their entry. */
  get early (): number { return this.#admission.early.size }

  get earlyIds (): readonly string[] { return this.#admission.early.list.map(({ generation_id: id }) => id) }

  /** Whether the passing of time alone may change anything. */
  get isUnderWay (): boolean { return this.members.size > 0 || this.slices.length > 0 || this.early > 0 || !this.stops.isEmpty }

  /** Whether another sample may await its label. */
  get hasRoomForLabel (): boolean { return this.#waiting < MAX_AWAITING_LABELS }

  /** Whether an outcome is late, since its unit went missing. */
  isLate ({ u, by_prompt: isPrompt }: Pick<LoggedOutcome, 'u' | 'by_prompt'>, clock: number): boolean {
    return this.#admission.spent.isMissed(u, clock, isPrompt === true)
  }

  /** Whether it is known why a control unit is no member: it was one, in this epoch or the one before, or its entry was void. */
  isExplained (u: number, clock: number): boolean { return this.#admission.isSpent(u, clock) || this.isFormer(u, clock) }

  isFormer (u: number, clock: number): boolean { return this.#admission.spent.isFormer(u, clock) }

  /** Control units whose outcomes may still come after this epoch. */
  formerUnits (): number[] {
    return [...this.members.keys(), ...this.#admission.spent.outstanding]
  }

  addFormer (units: readonly number[], until: number): void {
    this.#admission.spent.addFormer(units, until)
    this.isDirty = true
  }

  /** Keeps a control outcome until its entry arrives. @returns whether there was room */
  addEarly (outcome: EarlyOutcome): boolean {
    this.isDirty = true
    return this.#admission.early.add(outcome)
  }

  /** No entry enrols the unit any more. */
  addVoid (u: number, clock: number, rules: Pick<CohortRules, 'followUp'>): void {
    this.#admission.addVoid([u], clock, rules)
    this.isDirty = true
  }

  /** The outcomes whose entry did not come in time. */
  dropEarly (clock: number): EarlyOutcome[] { return this.#marked(this.#admission.early.dropUntil(clock)) }

  /** Takes the early outcomes of a unit. */
  takeEarly (u: number): EarlyOutcome[] { return this.#marked(this.#admission.early.takeOf(u)) }

  #marked<T extends readonly unknown[]> (taken: T): T {
    if (taken.length > 0) this.isDirty = true
    return taken
  }

  /**
   * Enrols the draws of an entry, as far as there is room. The others are void.
   * @param voidBy why all are void; `null`: they are not
   * @returns the new members
   */
  enrol (entry: EnrolmentEntry, clock: number, rules: CohortRules, voidBy: VoidCause | null = null): EnrolledUnit[] {
    this.isDirty = true
    const fresh = [...this.#admission.admissible(entry, this.members, clock)]
    const room = voidBy === null ? Math.max(0, MAX_OPEN_ENROLMENTS - this.members.size) : 0
    this.#voidDraws(fresh.slice(room), clock, rules, voidBy)
    if (voidBy !== null) return []
    this.#endSlice(clock, rules.followUp) // a due slice ends first
    this.#addTraffic(entry, fresh.length, clock, rules)
    return fresh.slice(0, room).map(([u, hash]) => this.#add(u, { hash, share: entry.share, at: clock }, rules))
  }

  #voidDraws (draws: ReadonlyArray<readonly [u: number, hash: number]>, clock: number, rules: CohortRules, voidBy: VoidCause | null): void {
    this.#counts.void += draws.length
    if (voidBy !== 'epoch') this.#counts.left_out += draws.length
    this.#admission.addVoid(draws.map(([u]) => u), clock, rules)
    for (const _ of draws) this.#due.push(false)
  }

  #change (): void {
    this.#isChanged = true
    this.isDirty = true
  }

  #addTraffic ({ share }: EnrolmentEntry, units: number, clock: number, { span, labelRate }: CohortRules): void {
    if (span !== 0 && units > 0) this.traffic.add(units, units / (share * labelRate), clock, span)
  }

  #add (u: number, { hash, share, at }: Pick<EnrolledUnit, 'hash' | 'share' | 'at'>, { stops }: CohortRules): EnrolledUnit {
    const slice = this.#queue.newest(at, stops)
    const member = newEnrolledUnit({ u, hash, share, at, slice })
    this.members.set(u, member)
    slice.open++
    slice.enrolled++
    this.#counts.enrolled++
    this.#change()
    return member
  }

  /**
   * Follows up a control unit that is no evidence here, since no entry can enrol it: its draw is above the share. It takes at most half of
   * the room.
   * @returns `undefined` where the unit is known, or there is no room
   */
  addAside (u: number, hash: number, clock: number): EnrolledUnit | undefined {
    if (this.isExplained(u, clock) || this.members.size >= MAX_OPEN_ENROLMENTS / 2) return undefined
    const member = newEnrolledUnit({ u, hash, share: 1, at: clock, slice: asideSlice() })
    this.members.set(u, member)
    this.isDirty = true
    return member
  }

  /** Counts a known sample of a member. @param samples how many samples the member has; `null`: not known */
  report (member: EnrolledUnit, report: SampleReport, samples: number | null, clock: number, rules: CohortRules): void {
    if (samples !== null) member.samples = Math.max(samples, member.samples ?? 0)
    addReport(member, report)
    if (report.kind === 'awaits_label') this.#waiting++
    this.#learned(member, clock, rules)
  }

  label (member: EnrolledUnit, graded: GradedSample, clock: number, rules: CohortRules): void {
    this.#waiting--
    addLabel(member, graded.generation_id, graded.unit)
    this.#learned(member, clock, rules)
  }

  #learned (member: EnrolledUnit, clock: number, rules: CohortRules): void {
    this.#change()
    if (isComplete(member)) this.#account(member, clock, rules)
    else this.#partlyKnown.add(member)
  }

  takeCounts (): typeof NO_COUNTS {
    const counts = this.#counts
    this.#counts = { ...NO_COUNTS }
    return counts
  }

  isLookDue (clock: number, look: number): boolean { return this.#isChanged && clock >= this.lookedAt + look }

  /** Whether the clock makes something due: a test of the evidence, or the end of a slice, of a follow-up or of a wait. */
  isDue (clock: number, { followUp, look }: { readonly followUp: number, readonly look: number }): boolean {
    if (this.isLookDue(clock, look) || this.#queue.isOver(clock, followUp)) return true
    if (clock >= this.#admission.early.firstUntil || this.stops.hasSettled(clock, followUp)) return true
    const oldest = this.members.values().next().value
    return oldest !== undefined && clock >= oldest.at + followUp
  }

  /** Whether the learner has something to take, or the clock makes something due. */
  hasNews (clock: number, times: { readonly followUp: number, readonly look: number }): boolean {
    return this.#queue.hasFinal || this.isDue(clock, times)
  }

  /** Whether an outcome is kept until its entry comes. */
  isEarly (generationId: string): boolean { return this.#admission.early.has(generationId) }

  /** A stop that awaits its label (see `StopQueue`). */
  queueStop (generationId: string, clock: number): void {
    this.stops.add(generationId, clock)
    this.isDirty = true
  }

  /** A treated generation whose difference is known, behind stops that await their labels. */
  queueKnown (generationId: string, clock: number, difference: ServedDifference): void {
    this.stops.addKnown(generationId, clock, difference)
    this.isDirty = true
  }

  /** Forgets the queued stops. @returns ids of those that awaited a label */
  clearStops (): string[] { return this.#marked(this.stops.clear()) }

  /** The label of a stop has come. */
  settleStop (generationId: string, difference: ServedDifference): void {
    this.stops.settle(generationId, difference)
    this.isDirty = true
  }

  /** Takes the treated generations whose difference is known, in the order of their outcomes (see `StopQueue`). */
  takeStops (clock: number, followUp: number): ReturnType<StopQueue['take']> {
    const taken = this.stops.take(clock, followUp)
    this.#marked(taken.settled)
    return taken
  }

  /** Ends the slices that are due, and gives up members whose follow-up is over. @returns ids of outcomes whose label did not arrive */
  advance (clock: number, rules: CohortRules): string[] {
    this.#endSlice(clock, rules.followUp)
    const unlabelled: string[] = []
    for (const member of this.members.values()) {
      if (member.at + rules.followUp > clock) break // the others came later
      unlabelled.push(...member.waiting)
      this.#waiting -= member.waiting.length
      this.#change()
      if (endFollowUp(member, rules)) this.#admission.spent.addMissed(member.u, clock + rules.followUp, clock)
      this.#account(member, clock, rules)
    }
    return unlabelled
  }

  #account (member: EnrolledUnit, clock: number, rules: CohortRules): void {
    this.members.delete(member.u)
    this.#partlyKnown.delete(member)
    this.#admission.addAccounted(member, clock, rules)
    accountFor(member, rules)
    const hasCome = isEvidence(member) ? isSeen(member) : null
    if (hasCome !== null) this.#due.push(hasCome)
    if (member.leaf !== undefined) this.#accounted.push(member)
  }

  /** Takes the units that have become due, in their order: whether each came to something. */
  takeDue (): readonly boolean[] {
    if (this.#due.length === 0) return NO_UNITS
    const taken = this.#due
    this.#due = []
    return taken
  }

  /** The members of a pool that ran in full and were accounted for, each once. */
  takeAccounted (): readonly EnrolledUnit[] {
    if (this.#accounted.length === 0) return NOBODY
    const taken = this.#accounted
    this.#accounted = []
    return taken
  }

  /** Number of the first slice that is not final yet; Infinity: all are. */
  get firstOpen (): number { return this.slices.find((slice) => !isFinal(slice))?.number ?? Infinity }

  #endSlice (clock: number, followUp: number): void {
    if (!this.#queue.isOver(clock, followUp)) return
    this.#queue.endNewest(clock)
    this.#change()
  }

  /** Takes the slices at the front that have become final: their evidence joins the sum. */
  takeFinal (): Slice[] { return this.#marked(this.#queue.takeFinal()) }

  /** The evidence of each open slice. Constant until something changes. */
  openEvidence (rules: CohortRules): OpenEvidence[] {
    return evidenceOfOpenSlices({ slices: this.slices, members: this.members.values(), partlyKnown: this.#partlyKnown }, rules)
  }

  /** The units of each slice of which something is known, by the part of their samples that differs at threshold k and awaits a label. */
  awaiting (k: number, rules: CohortRules): AwaitingUnits[] {
    return awaitingInSlices({ slices: this.slices, partlyKnown: this.#partlyKnown }, k, rules)
  }

  /** Notes that the evidence has been tested. */
  noteLook (clock: number): void {
    this.lookedAt = clock
    this.#isChanged = false
    this.isDirty = true
  }
}
