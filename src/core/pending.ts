import type { Arm } from './arm.js'
import type { LoggedOutcome } from './outcome.js'

/** An outcome on its way into the evidence. */
export interface Arrival {
  readonly outcome: LoggedOutcome
  /** Context key of its leaf. */
  readonly leaf: string
  /** The log's time, ms. */
  readonly time: number
  readonly arm: Arm | null
  /** The share it is compared at with the other arm; `null`: it is not. */
  readonly comparedAt: number | null
  /** It is control under one only of the shares that the arrivals of its time began under, and so no evidence. */
  readonly isOfAnotherShare: boolean
}

/** One that waits for its label, or behind one that does. */
export interface Pending extends Arrival {
  /** Order of arrival. */
  readonly number: number
  /** Whether its label is known, or none will come. */
  readonly isSettled: boolean
}

/** Outcomes of each arm that wait at most; beyond, the oldest is taken as one without a label. */
export const PENDING_LIMIT = 10_000

/**
 * The outcomes that wait for a label. Control outcomes of a leaf leave in the order of their arrival: were the quick labels let in first,
 * and right answers labelled sooner than wrong ones, the evidence would look better than the traffic is. Part of committed state: what
 * changed since the last `takeChanges` goes into the commit. Mutable; a learner whose commit failed starts over from the store.
 */
export class PendingOutcomes {
  /** By generation id, in the order of arrival. */
  readonly #waiting = { control: new Map<string, Pending>(), treated: new Map<string, Pending>() }
  /** Ids of the control outcomes by leaf, in the order of arrival. */
  readonly #queues = new Map<string, Set<string>>()
  #changes = new Map<string, Pending | undefined>()
  #next = 0

  constructor (stored: Iterable<Pending> = []) {
    for (const pending of [...stored].sort((a, b) => a.number - b.number)) this.#insert(pending)
  }

  get size (): number { return this.#waiting.control.size + this.#waiting.treated.size }

  get (id: string): Pending | undefined { return this.#waiting.control.get(id) ?? this.#waiting.treated.get(id) }

  add (arrival: Arrival, isSettled: boolean): void {
    const pending = { ...arrival, number: this.#next, isSettled }
    this.#insert(pending)
    this.#changes.set(arrival.outcome.generation_id, pending)
  }

  /** In the place of the one with the same id. */
  replace (pending: Pending): void {
    const { generation_id: id } = pending.outcome
    this.#side(pending).set(id, pending)
    this.#changes.set(id, pending)
  }

  remove (pending: Pending): void {
    const { outcome: { generation_id: id }, leaf } = pending
    this.#side(pending).delete(id)
    const queue = this.#queues.get(leaf)
    queue?.delete(id)
    if (queue?.size === 0) this.#queues.delete(leaf)
    this.#changes.set(id, undefined)
  }

  /** The control outcome of a leaf that came first. */
  headOf (leaf: string): Pending | undefined {
    const [id] = this.#queues.get(leaf) ?? []
    return id === undefined ? undefined : this.#waiting.control.get(id)
  }

  /** The first of either arm, if it came by `time` or more of its arm wait than may. */
  overdue (time: number): Pending | undefined {
    for (const waiting of [this.#waiting.control, this.#waiting.treated]) {
      const [first] = waiting.values()
      if (first !== undefined && (first.time <= time || waiting.size > PENDING_LIMIT)) return first
    }
    return undefined
  }

  /** What was added, replaced or removed (`undefined`) since the last call, by generation id. */
  takeChanges (): ReadonlyMap<string, Pending | undefined> {
    const changes = this.#changes
    this.#changes = new Map()
    return changes
  }

  #insert (pending: Pending): void {
    const { outcome: { generation_id: id }, leaf, arm, number } = pending
    this.#next = number + 1
    this.#side(pending).set(id, pending)
    if (arm !== 'control') return
    const queue = this.#queues.get(leaf) ?? new Set()
    this.#queues.set(leaf, queue.add(id))
  }

  #side ({ arm }: Arrival): Map<string, Pending> { return arm === 'control' ? this.#waiting.control : this.#waiting.treated }
}
