/**
 * A Bloom filter of units (Bloom 1970): units that were added are found; others are found wrongly in (1 - e^-0.4)^4 = 1.2 % of cases when
 * the filter is full.
 */
interface Filter { readonly bits: Uint8Array, count: number }

export interface StoredPrompts {
  /** Two filters as base64, the newer one first, and how many units the newer one has. */
  readonly filters: readonly [newer: string, older: string]
  readonly count: number
  /** When the newer filter began, by the follow-up clock, ms. */
  readonly since: number
}

export const NO_PROMPTS: StoredPrompts = { filters: ['', ''], count: 0, since: 0 }

/** A unit is remembered for at least this time, and at most three times as long. */
export const PROMPT_MEMORY_MS = 900_000

const FEWEST_BYTES = 1024
/** Beyond it, a context with more than 6,500 prompts in a quarter of an hour remembers them for a shorter time. */
export const MOST_BYTES = 8192
const BITS_PER_UNIT = 10
const HASHES = 4

/**
 * The units of prompts that were accounted for in the last quarter of an hour, or up to 45 minutes, which may not enrol again. There may be
 * thousands, and each commit writes them, so they are kept in filters: two, of which the older one is dropped. A prompt that either finds
 * wrongly (2.3 % of cases) is left out by chance.
 */
export class SeenPrompts {
  #newer: Filter | null
  #older: Uint8Array | null
  #since: number

  constructor ({ filters: [newer, older], count, since }: StoredPrompts = NO_PROMPTS) {
    this.#newer = newer === '' ? null : { bits: Buffer.from(newer, 'base64'), count }
    this.#older = older === '' ? null : Buffer.from(older, 'base64')
    this.#since = since
  }

  store (): StoredPrompts {
    if (this.#newer === null) return NO_PROMPTS
    const textOf = (bits: Uint8Array | null) => bits === null ? '' : Buffer.from(bits).toString('base64')
    return { filters: [textOf(this.#newer.bits), textOf(this.#older)], count: this.#newer.count, since: this.#since }
  }

  has (u: number, clock: number): boolean {
    if (this.#newer === null || clock >= this.#since + 2 * PROMPT_MEMORY_MS) return false
    return isIn(this.#newer.bits, u) || (this.#older !== null && clock < this.#since + PROMPT_MEMORY_MS && isIn(this.#older, u))
  }

  add (u: number, clock: number): void {
    const isOver = clock >= this.#since + PROMPT_MEMORY_MS
    const { length = 0 } = this.#newer?.bits ?? {}
    const isFull = this.#newer !== null && this.#newer.count >= 8 * length / BITS_PER_UNIT
    if (this.#newer === null || isOver || isFull) {
      const isOlderUseful = clock < this.#since + 2 * PROMPT_MEMORY_MS
      const size = isFull && !isOver ? Math.min(MOST_BYTES, 2 * length) : Math.max(FEWEST_BYTES, length / 2)
      this.#older = isOlderUseful ? this.#newer?.bits ?? null : null
      this.#newer = { bits: new Uint8Array(size), count: 0 }
      this.#since = clock
    }
    mark(this.#newer.bits, u)
    this.#newer.count++
  }
}

/** Calls for each place of a unit (double hashing, Kirsch & Mitzenmacher 2006), until a call returns false. */
function eachPlace (bits: Uint8Array, u: number, call: (byte: number, mask: number) => boolean): boolean {
  const hash = Math.floor(u * 0x1_0000_0000)
  const step = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d) | 1
  for (let i = 0; i < HASHES; i++) {
    const place = (hash + Math.imul(i, step)) >>> 0
    if (!call((place >>> 3) % bits.length, 1 << (place & 7))) return false
  }
  return true
}

function isIn (bits: Uint8Array, u: number): boolean { return eachPlace(bits, u, (byte, mask) => (bits[byte]! & mask) !== 0) }

function mark (bits: Uint8Array, u: number): void {
  eachPlace(bits, u, (byte, mask) => {
    bits[byte]! |= mask
    return true
  })
}

/** Whether stored filters can be used. */
export function arePrompts ({ filters }: StoredPrompts): boolean {
  return filters.every((text) => Buffer.from(text, 'base64').toString('base64') === text && Buffer.from(text, 'base64').length <= MOST_BYTES)
}
