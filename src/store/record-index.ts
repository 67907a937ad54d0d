import type { Tables } from './embedded-tables.js'
import { isBefore, isSame, rowsOf, type Place } from './record-segment.js'

/** The rows of a record, seen from its last one, and what they take up. */
export interface RecordPosition {
  /** Segment of the first row. */
  first: number
  /** Place of the last row, which names the place of the row before it. */
  segment: number
  offset: number
  /** When the last row was written, ms. */
  lastAt: number
  /** Number of rows, each of which is read by itself. */
  rows: number
  steps: number
  /** Length of the packed steps. */
  bytes: number
  /** Length of the rows, heads included. */
  size: number
}

export interface LiveRecord extends Readonly<RecordPosition> { readonly id: string }

/** A row that was written: its place, its number of steps, their packed length and its own length in bytes. */
export interface WrittenRow { readonly place: Place, readonly steps: number, readonly bytes: number, readonly size: number }

/** The live records and the sizes of the log, held in memory. Changes since the last commit can be rolled back. */
export class RecordIndex {
  /** Least recently written first. Updated in place: new objects at this rate would fill the old generation of the heap. */
  readonly #records = new Map<string, RecordPosition & { readonly id: string }>()
  /** Records that changed since the last commit, as they were then. */
  readonly #before = new Map<string, LiveRecord | undefined>()
  /** Number of the newest segment, and total lengths in bytes: of all segments, of the live steps, of the live rows. */
  #totals = { last: 0, bytes: 0, stepBytes: 0, liveBytes: 0 }
  #committed = { ...this.#totals }

  get size (): number { return this.#records.size }
  get last (): number { return this.#totals.last }
  /** Number of the newest segment that is on disk. */
  get committed (): number { return this.#committed.last }
  get bytes (): number { return this.#totals.bytes }
  get stepBytes (): number { return this.#totals.stepBytes }
  get liveBytes (): number { return this.#totals.liveBytes }

  get (id: string): LiveRecord | undefined { return this.#records.get(id) }
  /** Least recently written first; records may be deleted while this runs. */
  oldestFirst (): Iterable<LiveRecord> { return this.#records.values() }

  /** Adds a row to a record, which becomes the most recently written one. */
  append (id: string, { place: { segment, offset }, steps, bytes, size }: WrittenRow, now: number): void {
    this.#remember(id)
    const record = this.#records.get(id) ?? { id, first: segment, segment, offset, lastAt: now, rows: 0, steps: 0, bytes: 0, size: 0 }
    record.segment = segment
    record.offset = offset
    record.rows++
    record.steps += steps
    record.bytes += bytes
    record.size += size
    this.#totals.stepBytes += bytes
    this.#totals.liveBytes += size
    this.#makeNewest(record, now)
  }

  /** Makes a record the most recently written one. */
  renew (id: string, now: number): void {
    this.#remember(id)
    this.#makeNewest(this.#records.get(id)!, now)
  }

  /** Replaces the position of a record that was moved, or adds a record. An existing record keeps its place in the order. */
  put (id: string, position: RecordPosition): void {
    this.#remember(id)
    const record = this.#records.get(id)
    this.#totals.stepBytes += position.bytes - (record?.bytes ?? 0)
    this.#totals.liveBytes += position.size - (record?.size ?? 0)
    if (record === undefined) this.#records.set(id, { id, ...position }); else Object.assign(record, position)
  }

  delete ({ id, bytes, size }: LiveRecord): void {
    this.#remember(id)
    this.#records.delete(id)
    this.#totals.stepBytes -= bytes
    this.#totals.liveBytes -= size
  }

  segmentAdded (number: number, length: number): void {
    this.#totals.last = number
    this.#totals.bytes += length
  }

  segmentRemoved (length: number): void { this.#totals.bytes -= length }

  commit (): void {
    this.#committed = { ...this.#totals }
    this.#before.clear()
  }

  /** Returns to the last commit. Records that had changed become the most recently written ones. */
  rollback (): void {
    for (const [id, record] of this.#before) {
      this.#records.delete(id)
      if (record !== undefined) this.#records.set(id, record)
    }
    this.#totals = { ...this.#committed }
    this.#before.clear()
  }

  #remember (id: string): void {
    if (this.#before.has(id)) return
    const record = this.#records.get(id)
    this.#before.set(id, record && { ...record })
  }

  #makeNewest (record: RecordPosition & { readonly id: string }, now: number): void {
    record.lastAt = now
    this.#records.delete(record.id)
    this.#records.set(record.id, record)
  }
}

/** Rebuilds the index from the segments. @param now ms; a later time in a row counts as `now`, since the clock may have been set back */
export function readIndex ({ recordSegments }: Pick<Tables, 'recordSegments'>, now: number): RecordIndex {
  const index = new RecordIndex()
  const records = new Map<string, RecordPosition>()
  for (const number of recordSegments.getKeys()) {
    const segment = recordSegments.getBinary(number)!
    index.segmentAdded(number, segment.length)
    for (const { id, before, count, at, offset, bytes, size } of rowsOf(segment)) {
      if (count === 0) { records.delete(id); continue }
      const last = records.get(id)
      const known = last !== undefined && isSame(last, before) ? last : undefined // otherwise the record starts or was moved here
      records.set(id, {
        first: known?.first ?? number,
        segment: number,
        offset,
        lastAt: Math.min(1000 * at, now),
        rows: (known?.rows ?? 0) + 1,
        steps: (known?.steps ?? 0) + count,
        bytes: (known?.bytes ?? 0) + bytes,
        size: (known?.size ?? 0) + size,
      })
    }
  }
  const oldestFirst = [...records].sort(([, a], [, b]) => a.lastAt - b.lastAt || (isBefore(a, b) ? -1 : 1))
  for (const [id, position] of oldestFirst) index.put(id, position)
  index.commit()
  return index
}
