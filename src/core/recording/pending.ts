import type { Arm } from '../assignment/arm.js'
import type { LoggedOutcome } from '../grading/outcome.js'
import type { PrunedOutcome } from './prune-steps.js'

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
  readonly outcome: PrunedOutcome
  /** Order of arrival. */
  readonly number: number
  /** Whether its label is known, or none will come. */
  readonly isSettled: boolean
}

/** Outcomes that wait at most, of each arm: in all, and of one leaf, so that a context without labels does not take the others' room. */
export const PENDING_LIMIT = 10_000
export const PENDING_LIMIT_OF_LEAF = 2_000

/**
 * The outcomes that wait for a label. Those of one arm of a leaf leave in the order of their arrival: were the quick labels let in first,
 * and right answers labelled sooner than wrong ones, the evidence would look better than the traffic is. For the same reason the oldest,
 * which are the slow ones, do not make room: where it is full newcomers are set aside. Part of committed state: what changed since the last
 * `takeChanges` goes into the commit. Mutable; a learner whose commit failed starts over from the store.
 */
export class PendingOutcomes {
  /** In the order of arrival. */
  readonly #byId = new Map<string, Pending>()
  /** Ids by leaf and arm, in the order of arrival. */
  readonly #queues = new Map<string, Set<string>>()
  readonly #sizes = { control: 0, treated: 0 }
  #changes = new Map<string, Pending | undefined>()
  #next = 0

  constructor (stored: Iterable<Pending> = []) {
    for (const pending of [...stored].sort((a, b) => a.number - b.number)) this.#insert(pending)
  }

  get size (): number { return this.#byId.size }

  get (id: string): Pending | undefined { return this.#byId.get(id) }

  isFull (leaf: string, arm: Arm | null): boolean {
    return this.#sizes[sideOf(arm)] >= PENDING_LIMIT || (this.#queues.get(queueOf(leaf, arm))?.size ?? 0) >= PENDING_LIMIT_OF_LEAF
  }

  add (arrival: Arrival & { readonly outcome: PrunedOutcome }, isSettled: boolean): void {
    const pending = { ...arrival, number: this.#next, isSettled }
    this.#insert(pending)
    this.#changes.set(arrival.outcome.generation_id, pending)
  }

  /** In the place of the one with the same id. */
  replace (pending: Pending): void {
    const { generation_id: id } = pending.outcome
    this.#byId.set(id, pending)
    this.#changes.set(id, pending)
  }

  remove (pending: Pending): void {
    const { outcome: { generation_id: id }, leaf, arm } = pending
    this.#byId.delete(id)
    this.#sizes[sideOf(arm)]--
    const name = queueOf(leaf, arm)
    const queue = this.#queues.get(name)!
    queue.delete(id)
    if (queue.size === 0) this.#queues.delete(name)
    this.#changes.set(id, undefined)
  }

  /** The one of an arm of a leaf that came first. */
  headOf (leaf: string, arm: Arm | null): Pending | undefined {
    const [id] = this.#queues.get(queueOf(leaf, arm)) ?? []
    return id === undefined ? undefined : this.#byId.get(id)
  }

  /** The first of all, if it came by `time`. */
  overdue (time: number): Pending | undefined {
    const [first] = this.#byId.values()
    return first !== undefined && first.time <= time ? first : undefined
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
    this.#byId.set(id, pending)
    this.#sizes[sideOf(arm)]++
    const name = queueOf(leaf, arm)
    const queue = this.#queues.get(name) ?? new Set()
    this.#queues.set(name, queue.add(id))
  }
}

function sideOf (arm: Arm | null): Arm { return arm === 'control' ? 'control' : 'treated' }

function queueOf (leaf: string, arm: Arm | null): string { return `${sideOf(arm)} ${leaf}` }
