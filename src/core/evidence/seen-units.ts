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
/**
 * Limit on the remembered void units; the oldest are forgotten first. A forgotten one is no evidence either, since no list names it again,
 * but its outcome waits for one, and is then left out a second time. The limit is that of open units (`MAX_OPEN_ENROLMENTS`): where more
 * are void while so many wait, half of them are, and nothing is certified in any case.
 */
export const MAX_VOID_UNITS = 16_384
/**
 * Limit on the remembered units that went missing, by which late outcomes are recognised: no more can be open, and so go missing, within
 * one follow-up. A forgotten unit is no evidence, but its outcome counts as left out. So many are remembered for longer than that.
 */
const MAX_MISSED_UNITS = 16_384
const LONG_MISSED_UNITS = 1024

/** Units, and when the memory of each ends. */
interface StoredMemory { readonly units: PackedNumbers, readonly until: PackedNumbers }

export interface StoredUnits {
  readonly accounted: StoredMemory
  readonly void: StoredMemory
  readonly missed: StoredMemory
  readonly former: FormerUnits
}

/** Control units of the epoch before, whose outcomes may still come, and until when, by the follow-up clock. */
interface FormerUnits { readonly units: PackedNumbers, readonly until: number }

const NO_FORMER: FormerUnits = { units: '', until: 0 }

/** The units of a context that may not enrol again, each for a while. Times are the follow-up clock's. */
export class SeenUnits {
  readonly #accounted = new Map<number, number>()
  readonly #void = new Map<number, number>()
  readonly #missed = new Map<number, number>()
  #former: FormerUnits
  #formerSet: ReadonlySet<number> | null = null

  constructor (stored?: StoredUnits) {
    this.#former = stored?.former ?? NO_FORMER
    if (stored === undefined) return
    recall(this.#accounted, stored.accounted)
    recall(this.#void, stored.void)
    recall(this.#missed, stored.missed)
  }

  store (): StoredUnits {
    return {
      accounted: memoryOf(this.#accounted),
      void: memoryOf(this.#void),
      missed: memoryOf(this.#missed),
      former: this.#former,
    }
  }

  has (u: number, clock: number): boolean {
    return (this.#accounted.get(u) ?? 0) > clock || (this.#void.get(u) ?? 0) > clock || (this.#missed.get(u) ?? 0) > clock
  }

  /** Units that are no members, and whose outcomes may still come: those that went missing, and void ones. */
  get outstanding (): number[] { return [...this.#missed.keys(), ...this.#void.keys()] }

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

  /**
   * Whether a unit went missing, so that its outcome is late.
   * @param isPrompt whether it was drawn from a prompt, which may have been drawn again since its memory ended
   */
  isMissed (u: number, clock: number, isPrompt: boolean): boolean {
    return (this.#missed.get(u) ?? 0) > (isPrompt ? clock : 0)
  }

  addAccounted (u: number, until: number, clock: number): void { remember(this.#accounted, u, until, clock, MAX_ACCOUNTED_UNITS) }

  addMissed (u: number, until: number, clock: number): void {
    remember(this.#missed, u, until, clock, MAX_MISSED_UNITS, LONG_MISSED_UNITS)
  }

  addVoid (units: Iterable<number>, until: number, clock: number): void {
    for (const u of units) remember(this.#void, u, until, clock, MAX_VOID_UNITS)
  }
}

/**
 * Remembers a unit as the newest one, and forgets the oldest that are over or too many.
 * @param least so many are remembered even after they are over
 */
function remember (memory: Map<number, number>, u: number, until: number, clock: number, most: number, least = 0): void {
  memory.delete(u)
  memory.set(u, until)
  for (const [oldest, its] of memory) {
    if (memory.size <= (its > clock ? most : least)) break
    memory.delete(oldest)
  }
}

function memoryOf (memory: ReadonlyMap<number, number>): StoredMemory {
  return { units: packNumbers([...memory.keys()]), until: packNumbers([...memory.values()]) }
}

function recall (memory: Map<number, number>, { units, until }: StoredMemory): void {
  const ends = unpackNumbers(until) // as many as there are units
  for (const [i, u] of unpackNumbers(units).entries()) memory.set(u, ends[i]!)
}
