import type { Asked } from '../core/recorded-step.js'

/**
 * Steps and generations that go to the store at a time: decisions are answered in between. A generation costs the store as much as some ten
 * steps, so that all the steps of one go together.
 */
const CHUNK = { steps: 4096, generations: 256 }

export type ByGeneration<T> = Map<string, T[]>

/** Steps of some generations that the store may be given at a time, those of a generation in order. */
export interface Chunk { readonly steps: number, readonly read: () => ByGeneration<Asked> }

type Writable<T> = { -readonly [F in keyof T]: T[F] }

/** Steps of one generation, as a part of `#order`. */
interface Part { readonly id: string, readonly from: number, readonly to: number }

/**
 * Steps that wait to be stored, as numbers in rows. As objects they would grow old while they wait, and collecting them takes the compiled
 * code of the whole service away again and again, which costs each request more than it takes to put a step here.
 */
export class StepBuffer {
  readonly #numberOf = new Map<string, number>() // of the generations
  #generation = new Int32Array(256)
  #tokens = new Float64Array(256)
  #confidence = new Float64Array(256) // NaN: null
  #em = new Int8Array(256) // -1: none
  readonly #rest = new Map<number, Pick<Asked, 'answer' | 'signals'>>() // of the few that have some
  #order = new Int32Array(0) // those of a generation beside each other
  length = 0

  push (id: string, { tokens, confidence, em, answer, signals }: Asked): void {
    if (this.length === this.#tokens.length) this.#grow()
    let generation = this.#numberOf.get(id)
    if (generation === undefined) this.#numberOf.set(id, generation = this.#numberOf.size)
    const i = this.length++
    this.#generation[i] = generation
    this.#tokens[i] = tokens
    this.#confidence[i] = confidence ?? NaN
    this.#em[i] = em ?? -1
    if (answer === undefined && signals === undefined) return
    this.#rest.set(i, { ...(answer !== undefined && { answer }), ...(signals && { signals }) })
  }

  /** All of them; they are read from here until it is cleared. */
  chunks (): Chunk[] {
    const starts = this.#sort()
    const chunks: Chunk[] = []
    let parts: Part[] = []
    let steps = CHUNK.steps
    for (const [id, generation] of this.#numberOf) {
      for (let from = starts[generation]!, to; from < starts[generation + 1]!; from = to) {
        to = Math.min(from + CHUNK.steps, starts[generation + 1]!)
        if (steps + to - from > CHUNK.steps || parts.length === CHUNK.generations) {
          chunks.push(this.#chunk(parts = []))
          steps = 0
        }
        parts.push({ id, from, to })
        steps += to - from
      }
    }
    return chunks
  }

  clear (): void {
    this.#numberOf.clear()
    this.#rest.clear()
    this.length = 0
  }

  #chunk (parts: readonly Part[]): Chunk {
    const read = () => new Map(parts.map(({ id, from, to }) => [id, Array.from(this.#order.subarray(from, to), (i) => this.#at(i))]))
    return { get steps () { return parts.reduce((sum, { from, to }) => sum + to - from, 0) }, read }
  }

  #at (i: number): Asked {
    const confidence = this.#confidence[i]!
    const em = this.#em[i]!
    const step: Writable<Asked> = { tokens: this.#tokens[i]!, confidence: Number.isNaN(confidence) ? null : confidence }
    if (em !== -1) step.em = em as 0 | 1
    return this.#rest.size > 0 ? Object.assign(step, this.#rest.get(i)) : step
  }

  /** Sorts by generation, and says where each begins; the last number is the end. */
  #sort (): Int32Array {
    const starts = new Int32Array(this.#numberOf.size + 1)
    for (let i = 0; i < this.length; i++) starts[this.#generation[i]! + 1]!++
    for (let generation = 1; generation < starts.length; generation++) starts[generation]! += starts[generation - 1]!
    const next = starts.slice()
    if (this.#order.length < this.length) this.#order = new Int32Array(this.#tokens.length)
    for (let i = 0; i < this.length; i++) this.#order[next[this.#generation[i]!]!++] = i
    return starts
  }

  #grow (): void {
    const grown = <T extends Int32Array | Float64Array | Int8Array>(rows: T): T => {
      const larger = new (rows.constructor as new (length: number) => T)(2 * rows.length)
      larger.set(rows)
      return larger
    }
    this.#generation = grown(this.#generation)
    this.#tokens = grown(this.#tokens)
    this.#confidence = grown(this.#confidence)
    this.#em = grown(this.#em)
  }
}
