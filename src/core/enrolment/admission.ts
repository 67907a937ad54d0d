import type { CohortRules } from './account-for.js'
import { DrawBounds, type StoredBounds } from './draw-bounds.js'
import { EarlyOutcomes, type EarlyOutcome } from './early-outcomes.js'
import type { EnrolmentEntry } from './enrolment-list.js'
import { SpentUnits, type StoredUnits } from './spent-units.js'

/**
 * For how many waits a larger share counts for who may still enrol. One wait is how late an entry may come; the second is for replicas that
 * learn of a new share late. A longer time would keep places for outcomes that can no longer enrol once the share has fallen.
 */
const SHARE_WAITS = 2

export interface StoredAdmission {
  readonly bounds: StoredBounds
  readonly void_until: number
  readonly spent: StoredUnits
  readonly early: readonly EarlyOutcome[]
}

type Waits = Pick<CohortRules, 'followUp' | 'wait'>

/** Which draws of a context may enrol, and the outcomes that came before their entry. Times are the follow-up clock's, ms. */
export class Admission {
  readonly #bounds: DrawBounds
  readonly spent: SpentUnits
  /** The outcomes that wait for their entry; `addEarly` adds to them. */
  readonly early: EarlyOutcomes
  #voidUntil: number

  constructor (stored?: StoredAdmission) {
    this.#bounds = new DrawBounds(stored?.bounds)
    this.spent = new SpentUnits(stored?.spent)
    this.early = new EarlyOutcomes(stored?.early)
    this.#voidUntil = stored?.void_until ?? 0
  }

  store (): StoredAdmission {
    return { bounds: this.#bounds.store(), void_until: this.#voidUntil, spent: this.spent.store(), early: [...this.early.list] }
  }

  /** Whether an outcome without an entry may still have one under way. */
  mayEnrol (u: number, hash: number, share: number, clock: number): boolean {
    return u < 2 * this.#bounds.widestShare(share, clock) && !this.isLeftOut(hash, clock) && !this.spent.has(u, clock)
  }

  isLeftOut (hash: number, clock: number): boolean { return hash >= this.#bounds.cutoff(clock) }

  /** Whether entries are void, since there was no room for an outcome that one of them may belong to. */
  isVoid (clock: number): boolean { return clock < this.#voidUntil }

  /** Keeps an outcome until its entry comes; where there is no room, what its entry brings is void. */
  addEarly (outcome: EarlyOutcome): boolean {
    const hasRoom = this.early.add(outcome)
    if (!hasRoom) this.#voidUntil = outcome.until
    return hasRoom
  }

  /** Takes in what an entry states. A void one thins nobody: a replica that was cut off for long has left out most of what it drew. */
  addBounds ({ share, cutoff }: EnrolmentEntry, isVoid: boolean, clock: number, { followUp, wait }: Waits): void {
    this.#bounds.addShare({ value: share, until: clock + SHARE_WAITS * wait }, clock)
    if (cutoff !== undefined && !isVoid) this.#bounds.addCutoff({ value: cutoff, until: clock + followUp }, clock)
  }

  /** The draws of an entry that may enrol and have not, second hash by unit: the samples of a group are drawn alike. */
  admissible ({ share, draws }: EnrolmentEntry, enrolled: ReadonlyMap<number, unknown>, clock: number): Map<number, number> {
    const cutoff = this.#bounds.cutoff(clock)
    return new Map(draws.filter(([u, hash]) => u < 2 * share && hash < cutoff && !enrolled.has(u) && !this.spent.has(u, clock)))
  }

  /** Units of a void entry never enrol. Those that can't all be remembered are told by their second hash. */
  addVoid (draws: ReadonlyMap<number, number>, clock: number, { followUp }: Waits): void {
    const until = clock + followUp
    const cutoff = this.spent.addVoid(draws, until, clock)
    if (cutoff !== Infinity) this.#bounds.addCutoff({ value: cutoff, until }, clock)
  }

  /** A unit that is accounted for may not enrol again. */
  addAccounted (u: number, clock: number, { wait }: Waits): void { this.spent.addAccounted(u, clock + 2 * wait, clock) }
}
