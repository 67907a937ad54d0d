import type { StopStore } from '../../store/stop-store.js'
import { decodeStops, type StopRow } from './stop-rows.js'

/** Chunks that are read at once, and by one reader. A chunk holds the stops of some seconds, at most 4,096. */
const BATCH = 16
const SEARCHED = 2048

/** Where a reader of rows is: `<id of a chunk>:<rows of it that are left>`; `null`: before the newest row, or behind the oldest. */
export interface Place { next: string | null }

/** The rows before a place, newest first, of at most 2,048 chunks. Moves the place. A place in another kind of store has none. */
export async function * rowsBefore (stops: Pick<StopStore, 'read'>, place: Place): AsyncGenerator<StopRow> {
  const [first = null, text = '0'] = place.next?.split(':') ?? []
  const rest = Number(text)
  let before = first !== null && rest > 0 ? after(first) : first
  for (let searched = 0; searched < SEARCHED; searched += BATCH) {
    const chunks = await stops.read(before, BATCH)
    for (const { id, rows } of chunks) {
      const decoded = await decodeStops(rows)
      for (let left = id === first ? Math.min(rest, decoded.length) : decoded.length; left > 0;) {
        const row = decoded[--left]!
        place.next = `${id}:${left}`
        yield row
      }
      before = id
    }
    if (chunks.length < BATCH) {
      place.next = null
      return
    }
  }
  place.next = `${before}:0`
}

/** The id that follows that of a chunk: a read of the chunks before it begins with this one. */
function after (chunk: string): string {
  const [ms, sequence] = chunk.split('-')
  return sequence === undefined ? String(Number(ms) + 1) : `${ms}-${Number(sequence) + 1}`
}

/** For so long before its outcome a stop is looked for, ms, and in so many rows. */
const LOOK_BACK_MS = 300_000
const LOOKED_AT = 262_144
/** A replica may store a decision so much later than another one stores the outcome, ms. */
const STORED_LATER_MS = 15_000

/**
 * Which reported stops another replica decided. Its own row says more, so that only this one is listed, wherever the page of the list ends
 * between the two. Outcomes that state the decision of a worker need no look.
 */
export class DecidedStops {
  readonly #rows: AsyncIterator<StopRow>
  /** When the stops were decided that have been read, by their ids. */
  readonly #decided = new Map<string, number>()
  #oldest = Infinity
  #read = 0

  /** @param start where the page of the list begins */
  constructor (stops: Pick<StopStore, 'read'>, { next: start }: Place) {
    this.#rows = rowsBefore(stops, { next: start === null ? null : somewhatLater(start) })
  }

  async has ({ id, at, isReported, score }: StopRow): Promise<boolean> {
    if (!isReported || score !== null) return false
    const since = at - LOOK_BACK_MS
    while (!this.#decided.has(id) && this.#oldest >= since && this.#read < LOOKED_AT) {
      const { value: row, done: isOver } = await this.#rows.next()
      if (isOver === true) break
      this.#read++
      this.#oldest = Math.min(this.#oldest, row.at)
      if (!row.isReported) this.#decided.set(row.id, row.at)
    }
    return (this.#decided.get(id) ?? -Infinity) >= since
  }
}

/** Ids of chunks in Redis are times. In a folder the one process that writes them knows which stops it decided. */
function somewhatLater (place: string): string {
  const [ms, sequence] = place.split(/[-:]/)
  return place.includes('-') && sequence !== undefined ? `${Number(ms) + STORED_LATER_MS}-0:0` : place
}
