import { clampConfidence } from '../core/grading/outcome.js'
import type { Asked } from '../core/recording/recorded-step.js'
import type { StepBatch } from '../store/step-record-store.js'

/**
 * Limits of a batch for the store, so that decisions are answered between batches. A generation costs the store as much as about twenty
 * steps, so its steps go together.
 */
const BATCH = { steps: 16_384, generations: 1024 }

/** Fields that few steps have; answers are not digested yet. */
export type AskedBeside = Pick<Asked, 'answer' | 'signals'>

/** Columns of steps in the form of StepBatch. */
class Columns {
  tokens = new Float64Array(256)
  confidence = new Float64Array(256)
  em = new Int8Array(256)

  grow (length: number): void {
    this.tokens = grown(this.tokens, length)
    this.confidence = grown(this.confidence, length)
    this.em = grown(this.em, length)
  }
}

/**
 * Steps that wait to be stored, as columns of numbers. As objects they would survive into the old generation of the heap, and the full
 * collections that follow discard compiled code, which costs each request more than adding a step here.
 */
export class StepBuffer {
  readonly #numberOf = new Map<string, number>() // by generation id
  #generation = new Int32Array(256) // of each step, in the order of arrival
  readonly #came = new Columns()
  readonly #sorted = new Columns() // grouped by generation
  readonly #beside = new Map<number, AskedBeside>() // by index in the order of arrival
  length = 0

  push (id: string, { tokens, confidence, em, answer, signals }: Asked): void {
    const i = this.length++
    if (i === this.#generation.length) this.#grow()
    let generation = this.#numberOf.get(id)
    if (generation === undefined) this.#numberOf.set(id, generation = this.#numberOf.size)
    this.#generation[i] = generation
    this.#came.tokens[i] = tokens
    this.#came.confidence[i] = clampConfidence(confidence) ?? NaN
    this.#came.em[i] = em ?? -1
    if (answer === undefined && signals === undefined) return
    this.#beside.set(i, { ...(answer !== undefined && { answer }), ...(signals && { signals }) })
  }

  /** All steps as batches, which refer to this buffer until it is cleared. */
  batches (): Array<StepBatch<AskedBeside>> {
    const { starts, beside } = this.#sort()
    const { tokens, confidence, em } = this.#sorted
    const batches: Array<StepBatch<AskedBeside>> = []
    let ids: string[] = []
    let begins: number[] = []
    const end = (at: number) => {
      if (ids.length > 0) batches.push({ ids, starts: [...begins, at], tokens, confidence, em, beside: within(beside, begins[0]!, at) })
      ids = []
      begins = []
    }
    for (const [id, generation] of this.#numberOf) {
      for (let from = starts[generation]!, to; from < starts[generation + 1]!; from = to) {
        to = Math.min(from + BATCH.steps, starts[generation + 1]!)
        if (ids.length === BATCH.generations || to - (begins[0] ?? from) > BATCH.steps) end(from)
        ids.push(id)
        begins.push(from)
      }
    }
    end(this.length)
    return batches
  }

  clear (): void {
    this.#numberOf.clear()
    this.#beside.clear()
    this.length = 0
  }

  /** Sorts by generation. `starts` has the first index of each generation, and the end. */
  #sort (): { starts: Int32Array, beside: ReadonlyMap<number, AskedBeside> } {
    const starts = new Int32Array(this.#numberOf.size + 1)
    for (let i = 0; i < this.length; i++) starts[this.#generation[i]! + 1]!++
    for (let generation = 1; generation < starts.length; generation++) starts[generation]! += starts[generation - 1]!
    const next = starts.slice()
    const beside = new Map<number, AskedBeside>()
    const [came, sorted] = [this.#came, this.#sorted]
    if (sorted.em.length < this.length) sorted.grow(came.em.length)
    for (let i = 0; i < this.length; i++) {
      const to = next[this.#generation[i]!]!++
      sorted.tokens[to] = came.tokens[i]!
      sorted.confidence[to] = came.confidence[i]!
      sorted.em[to] = came.em[i]!
      const more = this.#beside.size > 0 ? this.#beside.get(i) : undefined
      if (more !== undefined) beside.set(to, more)
    }
    return { starts, beside }
  }

  #grow (): void {
    const length = 2 * this.#generation.length
    this.#generation = grown(this.#generation, length)
    this.#came.grow(length)
  }
}

function within (beside: ReadonlyMap<number, AskedBeside>, from: number, to: number): ReadonlyMap<number, AskedBeside> {
  const some = new Map<number, AskedBeside>()
  if (beside.size === 0) return some
  for (let i = from; i < to; i++) if (beside.has(i)) some.set(i, beside.get(i)!)
  return some
}

function grown<T extends Int32Array | Float64Array | Int8Array> (column: T, length: number): T {
  const larger = new (column.constructor as new (length: number) => T)(length)
  larger.set(column)
  return larger
}
