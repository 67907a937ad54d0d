import type { StopStore } from '../../store/stop-store.js'
import { decodeStops, type StopRow } from './stop-rows.js'

/** Chunks that are read at once, and by one reader. A chunk holds the rows of some seconds, at most 4,096. */
const BATCH = 16
const SEARCHED = 2048

/** An outcome is looked for so long after its decision, ms. */
const WINDOW_MS = 300_000
/** The search for the decision of an outcome holds at most so many rows. */
const HELD = 262_144
/** A replica may store its rows so much later than another one, ms. */
const STORED_LATER_MS = 15_000
/** Clocks of replicas and of Redis may differ by so much, ms. */
const CLOCKS_DIFFER_MS = 60_000

/** A stop: its decision with its outcome. */
export interface Stop extends StopRow {
  readonly decidedBy: 'service' | 'worker'
  /** Where the list goes on behind it: `<id of a chunk>:<rows of it that are left>`. */
  readonly next: string
}

/** Whether a stop was stored so early that all before it were decided or reported before a time, ms. */
export function isStoredBefore ({ next }: Stop, time: number): boolean { return numbersOf(next)[0]! < time - CLOCKS_DIFFER_MS }

/** The place in the list of the first row that was stored by a time, ms. */
export function placeAt (time: number): string { return `${time + STORED_LATER_MS + CLOCKS_DIFFER_MS}:0` }

/**
 * Reads stops, newest first, each with its outcome. A decision and its outcome may be rows of two replicas: the outcome belongs to the
 * decision of the last five minutes before it.
 */
export class StopReader {
  readonly #rows: AsyncIterator<Stop>
  readonly #start: readonly number[] | null
  /** Rows that were read; those before `#first` have been returned. */
  #held: Stop[] = []
  #first = 0
  #oldest = Infinity
  #isOver = false
  readonly #decided = new Map<string, number>()
  readonly #outcomes = new Map<string, StopRow>()
  /** Where the list goes on; `null`: there is nothing further. */
  next: string | null

  /** @param start where the list begins; `null`: with the newest stop */
  constructor (stops: Pick<StopStore, 'read'>, start: string | null) {
    this.next = start
    this.#start = start === null ? null : numbersOf(start)
    this.#rows = rowsBefore(stops, start, (next) => { this.next = next })
  }

  /** The next stop; `null`: nothing further was found, and the list goes on at `next`. */
  async read (): Promise<Stop | null> {
    for (;;) {
      if (this.#first === this.#held.length && !await this.#hold()) return null
      const row = this.#held[this.#first++]!
      if (this.#start !== null && !isBehind(numbersOf(row.next), this.#start)) continue
      if (row.decision !== null) return row.outcome === null ? { ...row, outcome: await this.#outcomeOf(row) } : row
      if (!await this.#isDecided(row)) return row
    }
  }

  async #outcomeOf ({ id, at }: Stop): Promise<StopRow['outcome']> {
    while (!this.#outcomes.has(id) && this.#oldest >= at - STORED_LATER_MS && await this.#hold());
    const row = this.#outcomes.get(id)
    return row !== undefined && row.at - at <= WINDOW_MS ? row.outcome : null
  }

  async #isDecided ({ id, at }: Stop): Promise<boolean> {
    while (!this.#decided.has(id) && this.#oldest >= at - WINDOW_MS && this.#held.length - this.#first < HELD && await this.#hold());
    return (this.#decided.get(id) ?? -Infinity) >= at - WINDOW_MS
  }

  /** Reads one more row. @returns `false`: there is none */
  async #hold (): Promise<boolean> {
    if (this.#isOver) return false
    const { value: row, done } = await this.#rows.next()
    this.#isOver = done === true
    if (this.#isOver) return false
    if (this.#first >= HELD || this.#first === this.#held.length) {
      this.#held = this.#held.slice(this.#first)
      this.#first = 0
      this.#forget((this.#held[0] ?? row).at + WINDOW_MS + STORED_LATER_MS + CLOCKS_DIFFER_MS)
    }
    this.#held.push(row)
    this.#oldest = Math.min(this.#oldest, row.at)
    if (row.decision === null) this.#outcomes.set(row.id, row)
    else if (row.outcome === null) this.#decided.set(row.id, row.at)
    return true
  }

  /** Forgets what belongs to no row that is still to come, since all of those are older. @param limit time, ms */
  #forget (limit: number): void {
    for (const [id, { at }] of this.#outcomes) {
      if (at <= limit) break
      this.#outcomes.delete(id)
    }
    for (const [id, at] of this.#decided) {
      if (at <= limit) break
      this.#decided.delete(id)
    }
  }
}

/**
 * All rows from five minutes before the place at which the list starts, newest first, until 2,048 chunks behind it.
 * @param end is told, at the end, where the list goes on
 */
async function * rowsBefore (
  stops: Pick<StopStore, 'read'>, start: string | null, end: (next: string | null) => void
): AsyncGenerator<Stop, void> {
  let before = start === null ? null : String(numbersOf(start)[0]! + WINDOW_MS + STORED_LATER_MS)
  for (let searched = 0; searched < SEARCHED;) {
    const chunks = await stops.read(before, BATCH)
    for (const { id, rows } of chunks) {
      const decoded = await decodeStops(rows)
      for (let left = decoded.length; left > 0;) yield stopOf(decoded[--left]!, `${id}:${left}`)
      before = id
      if (start === null || isBehind(numbersOf(`${id}:0`), numbersOf(start))) searched++
    }
    if (chunks.length < BATCH) return end(null)
  }
  end(`${before}:0`)
}

function stopOf (row: StopRow, next: string): Stop { return { ...row, decidedBy: row.outcome === null ? 'service' : 'worker', next } }

/** The time, the sequence and the rows of a place. */
function numbersOf (place: string): readonly number[] {
  const [chunk, rows] = place.split(':')
  const [ms, sequence = 0] = chunk!.split('-')
  return [Number(ms), Number(sequence), Number(rows)]
}

function isBehind (place: readonly number[], start: readonly number[]): boolean {
  const differing = place.findIndex((value, i) => value !== start[i])
  return differing !== -1 && place[differing]! < start[differing]!
}
