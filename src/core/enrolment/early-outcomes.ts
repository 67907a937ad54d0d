/** An outcome that came before its entry, and until when it waits for it, by the follow-up clock. */
export interface EarlyOutcome { readonly u: number, readonly generation_id: string, readonly until: number }

/** Outcomes of a context that wait for their entry, at most. */
export const MOST_EARLY = 1024

/** The outcomes that wait for their entry, in the order in which they came. */
export class EarlyOutcomes {
  #list: EarlyOutcome[]

  constructor (stored: readonly EarlyOutcome[] = []) { this.#list = [...stored] }

  get list (): readonly EarlyOutcome[] { return this.#list }

  /** When the first of them is given up; Infinity where there is none. */
  get firstUntil (): number { return this.#list[0]?.until ?? Infinity }

  /** @returns whether there was room */
  add (outcome: EarlyOutcome): boolean {
    if (this.#list.length >= MOST_EARLY) return false
    this.#list.push(outcome)
    return true
  }

  /** Takes the outcomes whose entry did not come in time. */
  dropUntil (clock: number): EarlyOutcome[] {
    if (this.firstUntil > clock) return []
    return this.#take(({ until }) => until <= clock)
  }

  /** Takes the outcomes of a unit. */
  takeOf (u: number): EarlyOutcome[] {
    return this.#list.length === 0 ? [] : this.#take((outcome) => outcome.u === u)
  }

  #take (isTaken: (outcome: EarlyOutcome) => boolean): EarlyOutcome[] {
    const taken = this.#list.filter(isTaken)
    if (taken.length > 0) this.#list = this.#list.filter((outcome) => !isTaken(outcome))
    return taken
  }
}
