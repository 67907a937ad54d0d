import type { ServedDifference } from '../certificate/fidelity.js'

/** Stops of a context that may be queued; beyond that, the oldest counts as lost if it has no label. */
export const MAX_QUEUED_STOPS = 4096

/** A stop whose served answer differs from its probe, and the treated generations without a difference that ended after it. */
export interface QueuedStop {
  readonly generation_id: string
  /** When it counts as lost, by the follow-up clock, ms. */
  until: number
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

  constructor (stops: readonly QueuedStop[] = []) { this.#stops = stops.map((stop) => ({ ...stop })) }

  /** To be stored. */
  get stops (): readonly QueuedStop[] { return this.#stops }

  get isEmpty (): boolean { return this.#stops.length === 0 }

  /** Whether `take` would take something. */
  hasSettled (clock: number): boolean {
    const [first] = this.#stops
    return first !== undefined && (first.difference !== null || clock >= first.until)
  }

  has (generationId: string): boolean { return this.#stops.some((stop) => isAwaiting(stop, generationId)) }

  /** A stop that awaits its label. */
  add (generationId: string, until: number): void {
    this.#push({ generation_id: generationId, until, difference: null, unchanged: 0 })
  }

  /** A treated generation whose difference is known, behind a queue that is not empty. */
  addKnown (generationId: string, until: number, difference: ServedDifference): void {
    if (difference === 0) this.#stops.at(-1)!.unchanged++
    else this.#push({ generation_id: generationId, until, difference, unchanged: 0 })
  }

  #push (stop: QueuedStop): void {
    this.#stops.push(stop)
    if (this.#stops.length > MAX_QUEUED_STOPS) this.#stops[0]!.until = 0
  }

  /** The label of a stop has come. */
  settle (generationId: string, difference: ServedDifference): void {
    const stop = this.#stops.find((one) => isAwaiting(one, generationId))
    if (stop !== undefined) stop.difference = difference
  }

  /** Takes the stops at the front that are known, or whose label has not come in time. @returns also the ids of the latter */
  take (clock: number): { readonly settled: readonly SettledStop[], readonly unlabelled: readonly string[] } {
    const settled: SettledStop[] = []
    const unlabelled: string[] = []
    for (let first = this.#stops[0]; first !== undefined; first = this.#stops[0]) {
      if (first.difference === null && clock < first.until) break
      if (first.difference === null) unlabelled.push(first.generation_id)
      settled.push({ difference: first.difference ?? 1, unchanged: first.unchanged })
      this.#stops.shift()
    }
    return { settled, unlabelled }
  }

  /** Empties the queue. @returns ids of the stops that awaited a label */
  clear (): string[] {
    const ids = this.#stops.flatMap(({ difference, generation_id: id }) => difference === null ? [id] : [])
    this.#stops.length = 0
    return ids
  }
}

function isAwaiting ({ generation_id: id, difference }: QueuedStop, wanted: string): boolean { return difference === null && id === wanted }
