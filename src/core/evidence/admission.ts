import type { CohortRules } from './accounting.js'
import type { EnrolledUnit } from './enrolled-unit.js'
import type { EnrolmentEntry } from './enrolment-list.js'
import { SeenPrompts, type StoredPrompts } from './seen-prompts.js'
import { SeenUnits, type StoredUnits } from './seen-units.js'

/** A control outcome that arrived before its entry, and the end of its wait by the follow-up clock. */
export interface EarlyOutcome { readonly u: number, readonly generation_id: string, readonly until: number }

/** Limit of the control outcomes of a context that wait for their entry. */
export const MAX_EARLY_OUTCOMES = 4096

/** The control outcomes that wait for their entry, in the order of arrival. */
export class EarlyOutcomes {
  readonly #byId = new Map<string, EarlyOutcome>()
  readonly #idsOf = new Map<number, string[]>()

  constructor (stored: readonly EarlyOutcome[] = []) { for (const outcome of stored) this.add(outcome) }

  get size (): number { return this.#byId.size }

  get list (): readonly EarlyOutcome[] { return [...this.#byId.values()] }

  /** When the first of them is given up; Infinity if there is none. */
  get firstUntil (): number { return this.#byId.values().next().value?.until ?? Infinity }

  has (generationId: string): boolean { return this.#byId.has(generationId) }

  /** @returns whether there was room */
  add (outcome: EarlyOutcome): boolean {
    if (this.#byId.size >= MAX_EARLY_OUTCOMES) return false
    const { u, generation_id: id } = outcome
    this.#byId.set(id, outcome)
    this.#idsOf.set(u, [...this.#idsOf.get(u) ?? [], id])
    return true
  }

  /** Takes the outcomes whose entry did not come in time. */
  dropUntil (clock: number): EarlyOutcome[] {
    const dropped: EarlyOutcome[] = []
    for (const outcome of this.#byId.values()) {
      if (outcome.until > clock) break
      dropped.push(outcome)
    }
    for (const { u, generation_id: id } of dropped) {
      this.#byId.delete(id)
      const others = this.#idsOf.get(u)!.filter((one) => one !== id)
      if (others.length === 0) this.#idsOf.delete(u); else this.#idsOf.set(u, others)
    }
    return dropped
  }

  /** Takes the outcomes of a unit. */
  takeOf (u: number): EarlyOutcome[] {
    const ids = this.#idsOf.get(u)
    if (ids === undefined) return []
    this.#idsOf.delete(u)
    const taken = ids.map((id) => this.#byId.get(id)!)
    for (const id of ids) this.#byId.delete(id)
    return taken
  }
}

export interface StoredAdmission {
  readonly spent: StoredUnits
  readonly prompts: StoredPrompts
  readonly early: readonly EarlyOutcome[]
}

type Waits = Pick<CohortRules, 'followUp' | 'wait'>

/** Why an entry is void: its list arrived too late, or was for another epoch. */
export type VoidCause = 'age' | 'epoch'

/** The draws of a context that may enrol, and the outcomes that arrived before their entry. Times of the follow-up clock, ms. */
export class Admission {
  readonly spent: SeenUnits
  readonly #prompts: SeenPrompts
  /** The outcomes that wait for their entry. */
  readonly early: EarlyOutcomes

  constructor (stored?: StoredAdmission) {
    this.spent = new SeenUnits(stored?.spent)
    this.#prompts = new SeenPrompts(stored?.prompts)
    this.early = new EarlyOutcomes(stored?.early)
  }

  store (): StoredAdmission {
    return { spent: this.spent.store(), prompts: this.#prompts.store(), early: this.early.list }
  }

  /** Whether a unit may not enrol again. */
  isSpent (u: number, clock: number): boolean { return this.spent.has(u, clock) || this.#prompts.has(u, clock) }

  /** The control draws of an entry that may still enrol, second hash by unit: all samples of a group share one draw. */
  admissible ({ share, draws }: EnrolmentEntry, enrolled: ReadonlyMap<number, unknown>, clock: number): Map<number, number> {
    return new Map(draws.filter(([u]) => u < share && !enrolled.has(u) && !this.isSpent(u, clock)))
  }

  /** Void units never enrol. */
  addVoid (units: Iterable<number>, clock: number, { followUp }: Pick<Waits, 'followUp'>): void {
    this.spent.addVoid(units, clock + followUp, clock)
  }

  /** A unit that is accounted for may not enrol again, nor may a prompt for a while, though its next generation has another id. */
  addAccounted ({ u, byPrompt }: Pick<EnrolledUnit, 'u' | 'byPrompt'>, clock: number, { wait }: Waits): void {
    this.spent.addAccounted(u, clock + 2 * wait, clock)
    if (byPrompt === true) this.#prompts.add(u, clock)
  }
}
