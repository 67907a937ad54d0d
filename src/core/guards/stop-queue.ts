import type { ServedDifference } from '../outcome/observed-stop.js'

/** Stops of a context that may be queued; beyond that, the oldest counts as lost if it has no label. */
export const MAX_QUEUED_STOPS = 4096

/** A stop whose served answer differs from its probe, and the treated generations without a difference that ended after it. */
export interface QueuedStop {
  readonly generation_id: string
  /** When its outcome came, by the follow-up clock, ms. */
  readonly at: number
  /** `null`: it awaits its label. */
  difference: ServedDifference | null
  unchanged: number
}

/** A difference of the queue that is known, with the generations without a difference that followed it. */
export interface SettledStop { readonly difference: ServedDifference, readonly unchanged: number }

/**
 * Treated generations in the order of their outcomes, from the first stop on whose difference a label has to decide. The others wait behind
 * it, since labels may come in an order that depends on them. Mutable; part of a cohort.
 */
export class StopQueue {
  readonly #stops: QueuedStop[]
  /** Those that await their labels, by generation id. */
  readonly #awaiting: Map<string, QueuedStop>

  constructor (stops: readonly QueuedStop[] = []) {
    this.#stops = stops.map((stop) => ({ ...stop }))
    this.#awaiting = new Map(this.#stops.filter(({ difference }) => difference === null).map((stop) => [stop.generation_id, stop]))
  }

  /** To be stored. */
  get stops (): readonly QueuedStop[] { return this.#stops }

  get isEmpty (): boolean { return this.#stops.length === 0 }

  /** Whether `take` would take something. */
  hasSettled (clock: number, followUp: number): boolean { return this.#settled(clock, followUp) > 0 }

  /** Whether a stop awaits its label. */
  has (generationId: string): boolean { return this.#awaiting.has(generationId) }

  /** A stop that awaits its label. */
  add (generationId: string, at: number): void {
    const stop = { generation_id: generationId, at, difference: null, unchanged: 0 }
    this.#stops.push(stop)
    this.#awaiting.set(generationId, stop)
  }

  /** A treated generation whose difference is known, behind a queue that is not empty. */
  addKnown (generationId: string, at: number, difference: ServedDifference): void {
    if (difference === 0) this.#stops.at(-1)!.unchanged++
    else this.#stops.push({ generation_id: generationId, at, difference, unchanged: 0 })
  }

  /** The label of a stop has come. */
  settle (generationId: string, difference: ServedDifference): void {
    const stop = this.#awaiting.get(generationId)
    if (stop !== undefined) stop.difference = difference
    this.#awaiting.delete(generationId)
  }

  /**
   * Takes the stops at the front that are known, or whose label has not come in time.
   * @param followUp time in which a label may come, ms
   * @returns also the ids of the latter
   */
  take (clock: number, followUp: number): { readonly settled: readonly SettledStop[], readonly unlabelled: readonly string[] } {
    const taken = this.#stops.splice(0, this.#settled(clock, followUp))
    const unlabelled = idsOfAwaiting(taken)
    for (const id of unlabelled) this.#awaiting.delete(id)
    return { settled: taken.map(({ difference, unchanged }) => ({ difference: difference ?? 1, unchanged })), unlabelled }
  }

  /** Number of stops at the front that are known, or whose label has not come in time, or for which there is no room. */
  #settled (clock: number, followUp: number): number {
    const beyond = this.#stops.length - MAX_QUEUED_STOPS
    const first = this.#stops.findIndex(({ difference, at }, i) => difference === null && clock < at + followUp && i >= beyond)
    return first === -1 ? this.#stops.length : first
  }

  /** Empties the queue. @returns ids of the stops that awaited a label */
  clear (): string[] {
    this.#awaiting.clear()
    return idsOfAwaiting(this.#stops.splice(0))
  }
}

function idsOfAwaiting (stops: readonly QueuedStop[]): string[] {
  return stops.flatMap(({ difference, generation_id: id }) => difference === null ? [id] : [])
}
