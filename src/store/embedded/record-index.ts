import type { Database } from 'lmdb'
import { packedLength, type Packing, packTexts, padded } from '../encoding/packed-texts.js'

/** Rows of recorded texts by number, in the order in which they were written: one for each call and generation. */
export type RecordRows = Database<Buffer, number>

/**
 * A row is the time of its texts (a double, ms), their number and the length of the id (words), the id in UTF-8, padded to whole words, and
 * the packed texts. A row without texts says that records ended: in place of the id it has theirs, as JSON.
 */
const AT = 0
const COUNT = 8
const ID_LENGTH = 12
const HEAD = 16
/** Bytes that LMDB takes for a row beyond its value: the key and the head of a node. */
const NODE = 20

interface RecordRow { readonly id: string, readonly at: number, readonly count: number, readonly texts: Buffer }

let scratch = Buffer.allocUnsafe(64 * 1024)

/** Encodes `count` texts of a batch from text `from` on. The buffer is reused by the next call. */
export function encodeRow (id: string, at: number, count: number, batch?: Packing, from = 0): Buffer {
  const idLength = Buffer.byteLength(id)
  const start = HEAD + padded(idLength)
  const size = start + (batch === undefined ? 0 : packedLength(batch, from, from + count))
  if (size > scratch.length) scratch = Buffer.allocUnsafe(size)
  const row = scratch.subarray(0, size)
  row.writeDoubleLE(at, AT)
  row.writeUInt32LE(count, COUNT)
  row.writeUInt32LE(idLength, ID_LENGTH)
  row.fill(0, HEAD + idLength, start)
  row.write(id, HEAD)
  if (batch !== undefined) packTexts(row, start, batch, from, from + count)
  return row
}

/** Encodes that records have ended. The buffer is reused by the next call. */
export function encodeEnd (ids: readonly string[]): Buffer { return encodeRow(JSON.stringify(ids), 0, 0) }

/** The ids of the records whose end a row states; none if it is damaged. */
export function decodeEnd ({ id: ids }: RecordRow): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(ids)
    return Array.isArray(parsed) ? parsed : []
  } catch { return [] }
}

/** Reads a row without copying it; undefined if it is damaged. */
export function decodeRow (row: Buffer | undefined): RecordRow | undefined {
  if (row === undefined || row.length < HEAD) return undefined
  const idLength = row.readUInt32LE(ID_LENGTH)
  if (idLength > row.length - HEAD) return undefined
  const start = HEAD + padded(idLength)
  const id = row.toString('utf8', HEAD, HEAD + idLength)
  return { id, at: row.readDoubleLE(AT), count: row.readUInt32LE(COUNT), texts: row.subarray(start) }
}

/** Bytes that a row takes on disk. */
export const sizeOf = (row: Buffer): number => row.length + NODE

export interface LiveRecord {
  readonly id: string
  /** Numbers of its rows, oldest first. */
  readonly rows: readonly number[]
  /** When the last row was written, ms. */
  readonly lastAt: number
  readonly texts: number
  /** Length of the packed texts. */
  readonly bytes: number
  /** Bytes that the rows take on disk. */
  readonly size: number
}

type MutableRecord = { -readonly [F in keyof LiveRecord]: F extends 'rows' ? number[] : LiveRecord[F] }

/** A row that was written, as the index counts it. */
interface WrittenRow { readonly number: number, readonly texts: number, readonly bytes: number, readonly size: number }

/** The live records, the dead rows and the size of their table, held in memory. Changes since the last commit can be rolled back. */
export class RecordIndex {
  /** Least recently written first. Updated in place: new objects at this rate would fill the old generation of the heap. */
  readonly #records = new Map<string, MutableRecord>()
  /** Records that changed since the last commit, as they were then, and how many rows they had. */
  readonly #before = new Map<string, { readonly record: MutableRecord, readonly rows: number } | undefined>()
  /**
   * Bytes of the dead rows by number, from `#first` on; 0 for others. Of a record with several rows it is their average. The sweep removes
   * the rows that it passes.
   */
  #dead: number[] = []
  #first: number
  /** Numbers of the rows that died since the last commit. */
  #died: number[] = []
  /** Numbers of the newest row and of the last row that the sweep has passed; bytes of all rows, of the live texts, of the live rows. */
  #totals = { last: 0, swept: 0, bytes: 0, textBytes: 0, liveBytes: 0 }
  #committed = { ...this.#totals }

  /** @param first number of the oldest row: numbers only grow, so those before it must take no memory */
  constructor (first = 1) {
    this.#first = first
    this.#totals.swept = this.#committed.swept = first - 1
  }

  get size (): number { return this.#records.size }
  get last (): number { return this.#totals.last }
  /** Number of the newest row that is on disk. */
  get committed (): number { return this.#committed.last }
  get bytes (): number { return this.#totals.bytes }
  get textBytes (): number { return this.#totals.textBytes }
  get liveBytes (): number { return this.#totals.liveBytes }

  get (id: string): LiveRecord | undefined { return this.#records.get(id) }
  /** Least recently written first; records may be deleted while this runs. */
  oldestFirst (): Iterable<LiveRecord> { return this.#records.values() }

  /** Adds a row to a record, which becomes the most recently written one. */
  append (id: string, { number, texts, bytes, size }: WrittenRow, now: number): void {
    this.#remember(id)
    const record = this.#records.get(id) ?? { id, rows: [], lastAt: now, texts: 0, bytes: 0, size: 0 }
    record.rows.push(number)
    record.texts += texts
    record.bytes += bytes
    record.size += size
    this.#totals.textBytes += bytes
    this.#totals.liveBytes += size
    this.#rowAdded(number, size)
    this.#makeNewest(record, now)
  }

  /** Makes a record the most recently written one. */
  renew (id: string, now: number): void {
    const record = this.#records.get(id)
    if (record === undefined) return
    this.#remember(id)
    this.#makeNewest(record, now)
  }

  /**
   * Ends a record. Its rows are dead, and count until the sweep passes them.
   * @returns numbers of those that it has passed already: they have to be removed now
   */
  end ({ id, rows, bytes, size }: LiveRecord): readonly number[] {
    this.#remember(id)
    this.#records.delete(id)
    this.#totals.textBytes -= bytes
    this.#totals.liveBytes -= size
    const passed: number[] = []
    const sizeOfRow = Math.floor(size / rows.length)
    for (const [i, number] of rows.entries()) {
      const rowSize = i === 0 ? size - (rows.length - 1) * sizeOfRow : sizeOfRow
      if (number > this.#totals.swept) this.#addDead(number, rowSize)
      else {
        passed.push(number)
        this.#totals.bytes -= rowSize
      }
    }
    return passed
  }

  /** Adds a row that is dead at once: it states an end, or is damaged. */
  appendDead (number: number, size: number): void {
    this.#rowAdded(number, size)
    this.#addDead(number, size)
  }

  #addDead (number: number, size: number): void {
    this.#dead[number - this.#first] = size
    this.#died.push(number)
  }

  #rowAdded (number: number, size: number): void {
    while (this.#dead.length <= number - this.#first) this.#dead.push(0)
    this.#totals.last = number
    this.#totals.bytes += size
  }

  /** Moves the sweep past at most `limit` dead rows, oldest first. @returns their numbers */
  sweep (limit: number): number[] {
    const passed: number[] = []
    while (passed.length < limit && this.#totals.swept < this.#totals.last - 1) { // the newest row stays: no number is given twice
      const number = ++this.#totals.swept
      const size = this.#dead[number - this.#first] ?? 0
      if (size === 0) continue
      passed.push(number)
      this.#totals.bytes -= size
    }
    return passed
  }

  commit (): void {
    const passed = this.#totals.swept - this.#first
    if (passed > this.#dead.length / 2) {
      this.#dead = this.#dead.slice(passed)
      this.#first += passed
    }
    this.#committed = { ...this.#totals }
    this.#died.length = 0
    this.#before.clear()
  }

  /** Returns to the last commit. Records that had changed become the most recently written ones. */
  rollback (): void {
    for (const [id, before] of this.#before) {
      this.#records.delete(id)
      if (before === undefined) continue
      before.record.rows.length = before.rows
      this.#records.set(id, before.record)
    }
    for (const number of this.#died) this.#dead[number - this.#first] = 0
    this.#died.length = 0
    this.#dead.length = Math.max(0, this.#committed.last - this.#first + 1)
    this.#totals = { ...this.#committed }
    this.#before.clear()
  }

  /** Orders the records by their last rows, as they were written. */
  sort (): void {
    const oldestFirst = [...this.#records.values()].sort((a, b) => a.lastAt - b.lastAt || (a.rows.at(-1) ?? 0) - (b.rows.at(-1) ?? 0))
    this.#records.clear()
    for (const record of oldestFirst) this.#records.set(record.id, record)
  }

  #remember (id: string): void {
    if (this.#before.has(id)) return
    const record = this.#records.get(id)
    this.#before.set(id, record && { record: { ...record }, rows: record.rows.length })
  }

  #makeNewest (record: MutableRecord, now: number): void {
    record.lastAt = now
    this.#records.delete(record.id)
    this.#records.set(record.id, record)
  }
}

/**
 * Rebuilds the index from the rows.
 * @param now ms; a later time in a row counts as `now`, since the clock may have been set back
 * @param lifetime ms without a row after which a record has expired; a later row of the same id begins another record
 */
export function readIndex (rows: RecordRows, now: number, lifetime: number): RecordIndex {
  const [first] = rows.getKeys({ limit: 1 })
  const index = new RecordIndex(first)
  for (const { key: number, value } of rows.getRange()) {
    const row = decodeRow(value)
    if (row === undefined || row.count === 0) {
      for (const id of row === undefined ? [] : decodeEnd(row)) {
        const live = index.get(id)
        if (live !== undefined) index.end(live)
      }
      index.appendDead(number, sizeOf(value))
    } else {
      const at = row.at <= now ? row.at : now // a damaged time as well
      const live = index.get(row.id)
      if (live !== undefined && live.lastAt <= at - lifetime) index.end(live)
      index.append(row.id, { number, texts: row.count, bytes: row.texts.length, size: sizeOf(value) }, at)
    }
  }
  index.sort()
  index.commit()
  return index
}
