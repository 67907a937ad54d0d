/**
 * Numbers as base64 of 64-bit floats, little-endian: exact, and written and read ten times as fast as decimals. A busy context remembers
 * hundreds of draws, and each commit writes them.
 */
export type PackedNumbers = string

const BYTES = 8

export function packNumbers (numbers: readonly number[]): PackedNumbers {
  if (numbers.length === 0) return ''
  return Buffer.from(new Float64Array(numbers).buffer).toString('base64')
}

export function unpackNumbers (packed: PackedNumbers): number[] {
  const bytes = Buffer.from(packed, 'base64')
  const numbers = new Array<number>(bytes.length / BYTES)
  for (let i = 0; i < numbers.length; i++) numbers[i] = bytes.readDoubleLE(i * BYTES)
  return numbers
}

/**
 * Counts the numbers that a text packs; `null` if it is not such a text, or a number is below 0 or above `most`.
 */
export function countPacked (packed: string, most = Infinity): number | null {
  const bytes = Buffer.from(packed, 'base64')
  if (bytes.length % BYTES !== 0 || bytes.toString('base64') !== packed) return null
  const numbers = unpackNumbers(packed)
  return numbers.every((value) => value >= 0 && value <= most) ? numbers.length : null
}

/** Limit on the remembered units that were accounted for recently. */
const MAX_ACCOUNTED_UNITS = 4096
/** Limit on the remembered units of void entries; those with the smallest second hashes are kept. */
export const MAX_VOID_UNITS = 4096
const KEPT_VOID_UNITS = MAX_VOID_UNITS * 3 / 4
/** Limit on the remembered units that went missing, by which late outcomes are recognised. */
const MAX_MISSED_UNITS = 1024

/** Units, and when the memory of each ends. */
interface StoredMemory { readonly units: PackedNumbers, readonly until: PackedNumbers }

export interface StoredUnits {
  readonly accounted: StoredMemory
  /** With their second hashes. */
  readonly void: StoredMemory & { readonly hashes: PackedNumbers }
  readonly missed: PackedNumbers
  readonly former: FormerUnits
}

/** Control units of the epoch before, whose outcomes may still come, and until when, by the follow-up clock. */
interface FormerUnits { readonly units: PackedNumbers, readonly until: number }

const NO_FORMER: FormerUnits = { units: '', until: 0 }

interface VoidUnit { readonly hash: number, readonly until: number }

/** The units of a context that may not enrol again, each for a while. Times are the follow-up clock's. */
export class SeenUnits {
  readonly #accounted = new Map<number, number>()
  #void = new Map<number, VoidUnit>()
  readonly #missed: Set<number>
  #former: FormerUnits
  #formerSet: ReadonlySet<number> | null = null

  constructor (stored?: StoredUnits) {
    this.#missed = new Set(stored && unpackNumbers(stored.missed))
    this.#former = stored?.former ?? NO_FORMER
    if (stored === undefined) return
    const ends = unpackNumbers(stored.accounted.until) // as many as there are units
    const voidEnds = unpackNumbers(stored.void.until)
    const hashes = unpackNumbers(stored.void.hashes)
    for (const [i, u] of unpackNumbers(stored.accounted.units).entries()) this.#accounted.set(u, ends[i]!)
    for (const [i, u] of unpackNumbers(stored.void.units).entries()) this.#void.set(u, { until: voidEnds[i]!, hash: hashes[i]! })
  }

  store (): StoredUnits {
    const voids = [...this.#void.values()]
    return {
      accounted: { units: packNumbers([...this.#accounted.keys()]), until: packNumbers([...this.#accounted.values()]) },
      void: {
        units: packNumbers([...this.#void.keys()]),
        until: packNumbers(voids.map(({ until }) => until)),
        hashes: packNumbers(voids.map(({ hash }) => hash)),
      },
      missed: packNumbers([...this.#missed]),
      former: this.#former,
    }
  }

  has (u: number, clock: number): boolean {
    return this.#missed.has(u) || (this.#accounted.get(u) ?? 0) > clock || (this.#void.get(u)?.until ?? 0) > clock
  }

  /** Units of void entries. */
  get voidUnits (): Iterable<number> { return this.#void.keys() }

  /** Remembers control units of the epoch before. */
  addFormer (units: readonly number[], until: number): void {
    this.#former = { units: packNumbers(units), until }
    this.#formerSet = null
  }

  /** Whether the control unit belonged to the epoch before, so that nothing enrols its generation in this one. */
  isFormer (u: number, clock: number): boolean {
    if (clock >= this.#former.until) {
      this.#former = NO_FORMER
      this.#formerSet = null
      return false
    }
    this.#formerSet ??= new Set(unpackNumbers(this.#former.units))
    return this.#formerSet.has(u)
  }

  /** Whether a unit went missing, so that what arrives of it is late. */
  isMissed (u: number): boolean { return this.#missed.has(u) }

  addAccounted (u: number, until: number, clock: number): void {
    this.#accounted.delete(u) // a new entry goes to the end: the oldest come first
    this.#accounted.set(u, until)
    for (const [oldest, its] of this.#accounted) {
      if (its > clock && this.#accounted.size <= MAX_ACCOUNTED_UNITS) break
      this.#accounted.delete(oldest)
    }
  }

  addMissed (u: number): void {
    this.#missed.add(u)
    if (this.#missed.size > MAX_MISSED_UNITS) this.#missed.delete(this.#missed.values().next().value!)
  }

  /**
   * Remembers the units of a void entry. Where there are too many, those with the largest second hashes are forgotten.
   * @param draws second hash by unit
   * @returns the smallest second hash that was forgotten, below which draws must stay for as long; Infinity: none was
   */
  addVoid (draws: ReadonlyMap<number, number>, until: number, clock: number): number {
    for (const [oldest, its] of this.#void) {
      if (its.until > clock) break
      this.#void.delete(oldest)
    }
    for (const [u, hash] of draws) {
      this.#void.delete(u)
      this.#void.set(u, { hash, until })
    }
    if (this.#void.size <= MAX_VOID_UNITS) return Infinity
    const cutoff = [...this.#void.values()].map(({ hash }) => hash).sort((a, b) => a - b)[KEPT_VOID_UNITS]!
    this.#void = new Map([...this.#void].filter(([, { hash }]) => hash < cutoff))
    return cutoff
  }
}
