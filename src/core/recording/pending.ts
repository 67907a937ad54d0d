import { SignalNames } from '../predictor/signal-names.js'
import type { PrunedOutcome } from './prune-steps.js'

/** An outcome that awaits its label, or its entry in an enrolment list. */
export interface Pending {
  readonly outcome: PrunedOutcome
  /** Context keys of its leaf, and of the link that gathers the evidence. */
  readonly leaf: string
  readonly key: string
}

/**
 * The outcomes that are kept until their label or their enrolment comes, by generation id. Cohorts bound them. Part of committed state:
 * what has changed since the last `takeChanges` goes into the commit. Mutable; a learner whose commit failed starts over from the store.
 */
export class PendingOutcomes {
  readonly #byId: Map<string, Pending>
  readonly #names: SignalNames
  #changes = new Map<string, Pending | undefined>()

  /** @param names counts the names of their signals */
  constructor (stored: Iterable<Pending> = [], names = new SignalNames()) {
    this.#byId = new Map([...stored].map((pending) => [pending.outcome.generation_id, pending]))
    this.#names = names
    for (const { leaf, outcome } of this.#byId.values()) names.add(leaf, outcome.steps)
  }

  get size (): number { return this.#byId.size }

  get (id: string): Pending | undefined { return this.#byId.get(id) }

  values (): Iterable<Pending> { return this.#byId.values() }

  set (pending: Pending): void {
    const { generation_id: id } = pending.outcome
    this.#uncount(id)
    this.#byId.set(id, pending)
    this.#names.add(pending.leaf, pending.outcome.steps)
    this.#changes.set(id, pending)
  }

  remove (id: string): void {
    this.#uncount(id)
    if (this.#byId.delete(id)) this.#changes.set(id, undefined)
  }

  /** What was set or removed (`undefined`) since the last call, by generation id. */
  takeChanges (): ReadonlyMap<string, Pending | undefined> {
    const changes = this.#changes
    this.#changes = new Map()
    return changes
  }

  #uncount (id: string): void {
    const pending = this.#byId.get(id)
    if (pending !== undefined) this.#names.remove(pending.leaf, pending.outcome.steps)
  }
}
