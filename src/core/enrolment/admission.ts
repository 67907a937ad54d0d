import type { CohortRules } from './accounting.js'
import type { EnrolledUnit } from './enrolled-unit.js'
import type { EnrolmentEntry } from './enrolment-list.js'
import { SeenPrompts, type StoredPrompts } from './seen-prompts.js'
import { SeenUnits, type StoredUnits } from './seen-units.js'

/** A bound, and until when it holds, by the follow-up clock. */
interface Bound { readonly value: number, readonly until: number }

/** A bound of entries that came too late, and how many control draws they left out that have not been seen since. */
interface LateBound extends Bound { readonly left: number }

interface StoredBounds extends Readonly<Record<'cutoffs' | 'shares', readonly Bound[]>> { readonly late: readonly LateBound[] }

/** Which draws may enrol: second hashes below every cutoff, and u below twice the largest share, each while it matters. */
export class DrawBounds {
  #cutoffs: readonly Bound[]
  #shares: readonly Bound[]
  #late: readonly LateBound[]

  constructor ({ cutoffs, shares, late }: StoredBounds = { cutoffs: [], shares: [], late: [] }) {
    this.#cutoffs = cutoffs
    this.#shares = shares
    this.#late = late
  }

  store (): StoredBounds { return { cutoffs: this.#cutoffs, shares: this.#shares, late: this.#late } }

  /** Second hashes from the bound's value on were left out. */
  addCutoff (bound: Bound, clock: number): void {
    this.#cutoffs = withBound(this.#cutoffs, bound, clock, (value) => value >= bound.value)
  }

  /**
   * An entry that came too late left out so many control draws, with second hashes from the bound's value on. It thins nothing, but
   * explains why as many are unknown.
   */
  addLate (bound: LateBound, clock: number): void {
    const bounds = withBound(this.#late, bound, clock, (value) => value >= bound.value)
    const left = this.#late.reduce((sum, late) => late.until > clock && !bounds.includes(late) ? sum + late.left : sum, bound.left)
    this.#late = bounds.with(-1, { ...bound, left })
  }

  /**
   * Counts down the draws that late entries left out.
   * @param units a sample of a group is a part of one
   * @returns whether it was probably among them
   */
  takeLate (hash: number, units: number, clock: number): boolean {
    const found = this.#late.find(({ value, until, left }) => until > clock && hash >= value && left > 0)
    if (found === undefined) return false
    const left = Math.max(0, found.left - units)
    this.#late = this.#late.map((late) => late === found ? { ...late, left } : late)
    return true
  }

  /** An entry drew at this share. */
  addShare (bound: Bound, clock: number): void {
    this.#shares = withBound(this.#shares, bound, clock, (value) => value <= bound.value)
  }

  /** The smallest cutoff; Infinity without any. */
  cutoff (clock: number): number {
    return this.#cutoffs.reduce((least, { value, until }) => until > clock ? Math.min(least, value) : least, Infinity)
  }

  /** The largest share of late, at least the given one. */
  widestShare (share: number, clock: number): number {
    return this.#shares.reduce((most, { value, until }) => until > clock ? Math.max(most, value) : most, share)
  }
}

/** Adds a bound and drops expired ones and those that the new one outlasts and covers. */
function withBound<B extends Bound> (bounds: readonly B[], added: B, clock: number, isCovered: (value: number) => boolean): readonly B[] {
  return [...bounds.filter(({ value, until }) => until > clock && !(until <= added.until && isCovered(value))), added]
}

/** An outcome that arrived before its entry, and the end of its wait by the follow-up clock. */
export interface EarlyOutcome { readonly u: number, readonly generation_id: string, readonly until: number }

/** Limit of the outcomes of a context that wait for their entry. */
export const MAX_EARLY_OUTCOMES = 1024

/** The outcomes that wait for their entry, in the order of arrival. */
export class EarlyOutcomes {
  #list: EarlyOutcome[]
  readonly #ids: Set<string>

  constructor (stored: readonly EarlyOutcome[] = []) {
    this.#list = [...stored]
    this.#ids = new Set(stored.map(({ generation_id: id }) => id))
  }

  get list (): readonly EarlyOutcome[] { return this.#list }

  /** When the first of them is given up; Infinity if there is none. */
  get firstUntil (): number { return this.#list[0]?.until ?? Infinity }

  has (generationId: string): boolean { return this.#ids.has(generationId) }

  /** @returns whether there was room */
  add (outcome: EarlyOutcome): boolean {
    if (this.#list.length >= MAX_EARLY_OUTCOMES) return false
    this.#list.push(outcome)
    this.#ids.add(outcome.generation_id)
    return true
  }

  /** Takes the outcomes whose entry did not come in time. */
  dropUntil (clock: number): EarlyOutcome[] {
    if (this.firstUntil > clock) return []
    return this.take(({ until }) => until <= clock)
  }

  /** Takes the outcomes of a unit. */
  takeOf (u: number): EarlyOutcome[] {
    return this.#list.length === 0 ? [] : this.take((outcome) => outcome.u === u)
  }

  /** Takes the outcomes that a test accepts. */
  take (isTaken: (outcome: EarlyOutcome) => boolean): EarlyOutcome[] {
    const taken = this.#list.filter(isTaken)
    if (taken.length > 0) this.#list = this.#list.filter((outcome) => !isTaken(outcome))
    for (const { generation_id: id } of taken) this.#ids.delete(id)
    return taken
  }
}

/**
 * Number of waits for which a larger share still decides which draws may enrol: one for late entries, one for replicas that learn of a
 * new share late. A longer time would keep places for outcomes that can no longer enrol once the share has fallen.
 */
const SHARE_WAITS = 2

export interface StoredAdmission {
  readonly bounds: StoredBounds
  readonly void_until: number
  readonly spent: StoredUnits
  readonly prompts: StoredPrompts
  readonly early: readonly EarlyOutcome[]
}

type Waits = Pick<CohortRules, 'followUp' | 'wait'>

/** Why an entry is void, besides want of room: it arrived too late, or was for another epoch. */
export type VoidCause = 'age' | 'epoch'

/** The draws of a context that may enrol, and the outcomes that arrived before their entry. Times of the follow-up clock, ms. */
export class Admission {
  readonly #bounds: DrawBounds
  readonly spent: SeenUnits
  readonly #prompts: SeenPrompts
  /** The outcomes that wait for their entry; `addEarly` adds to them. */
  readonly early: EarlyOutcomes
  #voidUntil: number

  constructor (stored?: StoredAdmission) {
    this.#bounds = new DrawBounds(stored?.bounds)
    this.spent = new SeenUnits(stored?.spent)
    this.#prompts = new SeenPrompts(stored?.prompts)
    this.early = new EarlyOutcomes(stored?.early)
    this.#voidUntil = stored?.void_until ?? 0
  }

  store (): StoredAdmission {
    return {
      bounds: this.#bounds.store(),
      void_until: this.#voidUntil,
      spent: this.spent.store(),
      prompts: this.#prompts.store(),
      early: [...this.early.list],
    }
  }

  /** Whether an outcome without an entry may still have one under way. */
  mayEnrol (u: number, hash: number, share: number, clock: number): boolean {
    return u < 2 * this.widestShare(share, clock) && !this.isLeftOut(hash, clock) && !this.isSpent(u, clock)
  }

  /** The largest share of late, at least the given one. */
  widestShare (share: number, clock: number): number { return this.#bounds.widestShare(share, clock) }

  /** The share of the draws that may enrol, at most 1: those with a smaller second hash. */
  cutoff (clock: number): number { return Math.min(1, this.#bounds.cutoff(clock)) }

  /** Whether a unit may not enrol again. */
  isSpent (u: number, clock: number): boolean { return this.spent.has(u, clock) || this.#prompts.has(u, clock) }

  isLeftOut (hash: number, clock: number): boolean { return hash >= this.#bounds.cutoff(clock) }

  /** Whether entries are void, since there was no room for an outcome that one of them may belong to. */
  isVoid (clock: number): boolean { return clock < this.#voidUntil }

  /** Keeps an outcome until its entry arrives. If there is no room, the draws of its entry are void. */
  addEarly (outcome: EarlyOutcome): boolean {
    const hasRoom = this.early.add(outcome)
    if (!hasRoom) this.#voidUntil = outcome.until
    return hasRoom
  }

  /** Takes the early outcomes that a cutoff has left out since. @param hashOf the second hash of a generation, by its id */
  takeLeftOut (clock: number, hashOf: (generationId: string) => number): EarlyOutcome[] {
    return this.early.take(({ generation_id: id }) => this.isLeftOut(hashOf(id), clock))
  }

  /** Applies an entry. A void entry thins nothing: a replica that was cut off for long has left out most of its draws. */
  addBounds (
    { share, cutoff, control_left_out: left = 0 }: EnrolmentEntry, voidBy: VoidCause | null, clock: number, { followUp, wait }: Waits
  ): void {
    this.#bounds.addShare({ value: share, until: clock + SHARE_WAITS * wait }, clock)
    if (cutoff === undefined || voidBy === 'epoch') return
    const bound = { value: cutoff, until: clock + followUp }
    if (voidBy === 'age') this.#bounds.addLate({ ...bound, left }, clock); else this.#bounds.addCutoff(bound, clock)
  }

  /** Whether an unknown control draw was probably left out of an entry that came too late. */
  takeLate (hash: number, units: number, clock: number): boolean { return this.#bounds.takeLate(hash, units, clock) }

  /** The draws of an entry that may still enrol, second hash by unit: all samples of a group share one draw. */
  admissible ({ share, draws }: EnrolmentEntry, enrolled: ReadonlyMap<number, unknown>, clock: number): Map<number, number> {
    const cutoff = this.#bounds.cutoff(clock)
    return new Map(draws.filter(([u, hash]) => u < 2 * share && hash < cutoff && !enrolled.has(u) && !this.isSpent(u, clock)))
  }

  /** Units of a void entry never enrol. If there are too many to remember, they are recognised by their second hash. */
  addVoid (draws: ReadonlyMap<number, number>, clock: number, { followUp }: Waits): void {
    const until = clock + followUp
    const cutoff = this.spent.addVoid(draws, until, clock)
    if (cutoff !== Infinity) this.#bounds.addCutoff({ value: cutoff, until }, clock)
  }

  /** A unit that is accounted for may not enrol again; a prompt for half an hour, since its next generation has another id. */
  addAccounted ({ u, byPrompt }: Pick<EnrolledUnit, 'u' | 'byPrompt'>, clock: number, { wait }: Waits): void {
    this.spent.addAccounted(u, clock + 2 * wait, clock)
    if (byPrompt === true) this.#prompts.add(u, clock)
  }
}
