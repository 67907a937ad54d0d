import { setImmediate } from 'node:timers/promises'
import { packedLength, packing, type Packing, unpackTexts } from '../encoding/packed-texts.js'
import type { RecordLimits, TextBatch } from '../event-store.js'
import { decodeRow, encodeEnd, encodeRow, type LiveRecord, readIndex, type RecordIndex, type RecordRows, sizeOf } from './record-index.js'

export interface RecordStorage {
  /** The table of the rows. Throws if the store is closed. */
  readonly rows: () => RecordRows
  /** All or nothing. */
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: RecordLimits
}

/** Texts that are read before other work has its turn. */
const READ = 1000
/** Expired records that one call drops at most; more than one call can add. */
const DROPPED = 2000
/** Bytes that live rows may take up beyond the limit of their texts, and dead rows beyond the live ones. */
export const SLACK = 8 * 1024 * 1024
/** Limit of the rows that one call sweeps, beyond twice as many as it adds. It is low, since decisions wait meanwhile. */
const SWEPT = 256

/**
 * Records of the embedded store: one row for each call and generation, under a number that counts up. Which rows a record has is in memory,
 * and is read from the rows when the store is opened. Rows of records that ended are removed later, by a sweep from the oldest on: removing
 * them at once would rewrite a page for each row.
 *
 * Measured in turns with rows packed into segments, which were cleaned as in a log-structured file system, at 1,000 generations a call:
 * rows took 1.1 to 1.4 times the processor time per text, where nine of ten records are forgotten and where all of them expire. Rows
 * keyed by generation, without a sweep, wrote 8 to 12 times the bytes.
 */
export class EmbeddedRecords {
  readonly #storage: RecordStorage
  #known: RecordIndex | null = null
  #writing: Promise<unknown> = Promise.resolve()

  constructor (storage: RecordStorage) {
    this.#storage = storage
  }

  /** Returns how many of the texts were kept. */
  append (texts: TextBatch): Promise<number> {
    return this.#inTurn(async () => {
      const batch = await packing(texts)
      return await this.#write((index, rows) => {
        const now = Date.now()
        this.#dropExpired(index, rows, now)
        let kept = 0
        for (const [i, id] of batch.ids.entries()) kept += this.#add(index, rows, batch, i, id, now)
        this.#dropOldest(index, rows)
        sweep(index, rows, SWEPT + 2 * batch.ids.length)
        return kept
      })
    })
  }

  async read (generationIds: readonly string[]): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>()
    for (let ids = generationIds; ids.length > 0;) {
      const onTheirWay: string[] = []
      let read = 0
      for (const id of ids) {
        const record = this.#index.get(id)
        if (record === undefined || this.#isExpired(record, Date.now())) continue
        if ((record.rows.at(-1) ?? 0) > this.#index.committed) { onTheirWay.push(id); continue }
        const texts = this.#textsOf(record)
        if (texts.length > 0) found.set(id, texts)
        if ((read += record.texts) < READ) continue
        read = 0
        await setImmediate()
      }
      if (onTheirWay.length > 0) await this.#writing
      ids = onTheirWay
    }
    return found
  }

  /** Also forgets texts that are still being written. */
  forget (generationIds: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      if (!generationIds.some((id) => this.#index.get(id))) return
      await this.#write((index, rows) => {
        drop(index, rows, [...new Set(generationIds)].flatMap((id) => {
          const live = index.get(id)
          return live === undefined ? [] : [live]
        }))
      })
    })
  }

  /** Reads the index, which takes a moment. Call it at the start, and when something else has written the rows. */
  reload (): RecordIndex {
    this.#known = readIndex(this.#storage.rows(), Date.now(), this.#lifetime)
    return this.#known
  }

  get #index (): RecordIndex {
    this.#storage.rows() // throws if the store is closed
    return this.#known ?? this.reload()
  }

  get #lifetime (): number { return this.#storage.limits.seconds * 1000 }

  #isExpired ({ lastAt }: LiveRecord, now: number): boolean { return lastAt <= now - this.#lifetime }

  /** Texts of a damaged row are left out. */
  #textsOf ({ id, rows }: LiveRecord): string[] {
    const table = this.#storage.rows()
    return rows.flatMap((number) => {
      const row = decodeRow(table.getBinaryFast(number))
      return row?.id === id ? unpackTexts(row.texts) : []
    })
  }

  /** Runs one job at a time, so that a failed one can be rolled back. */
  #inTurn<T> (job: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(job)
    this.#writing = done.catch(() => {})
    return done
  }

  async #write<T> (action: (index: RecordIndex, rows: RecordRows) => T): Promise<T> {
    try {
      const result = await this.#storage.write(() => {
        const rows = this.#storage.rows()
        const [last = 0] = rows.getKeys({ reverse: true, limit: 1 })
        return action(this.#index.last === last ? this.#index : this.reload(), rows) // otherwise a state was imported
      })
      this.#index.commit()
      this.#storage.rows().resetReadTxn() // otherwise reads of this turn could miss the write
      return result
    } catch (error) {
      this.#known?.rollback()
      throw error
    }
  }

  /** Appends to a record up to the limit of texts. Returns how many texts were kept. Runs in a transaction. */
  #add (index: RecordIndex, rows: RecordRows, batch: Packing, i: number, id: string, now: number): number {
    const from = batch.starts[i]!
    let live = index.get(id)
    if (live !== undefined && this.#isExpired(live, now)) { // not dropped yet
      end(index, rows, live)
      live = undefined
    }
    const count = Math.min(batch.starts[i + 1]! - from, Math.max(this.#storage.limits.texts - (live?.texts ?? 0), 0))
    if (count > 0) {
      const row = encodeRow(id, now, count, batch, from)
      const number = index.last + 1
      rows.putSync(number, row, { append: true })
      index.append(id, { number, texts: count, bytes: packedLength(batch, from, from + count), size: sizeOf(row) }, now)
    } else index.renew(id, now)
    return count
  }

  /** Ends expired records without writing a row: the times of their rows show it, also after a restart. */
  #dropExpired (index: RecordIndex, rows: RecordRows, now: number): void {
    let dropped = 0
    for (const record of index.oldestFirst()) {
      if (!this.#isExpired(record, now) || dropped++ >= DROPPED) return
      end(index, rows, record)
    }
  }

  /** The heads of rows count as well: if each call adds a text or two of a generation, they take up more space than the texts. */
  #dropOldest (index: RecordIndex, rows: RecordRows): void {
    const { generations, bytes } = this.#storage.limits
    let [records, texts, size] = [index.size, index.textBytes, index.liveBytes]
    const dropped: LiveRecord[] = []
    for (const record of index.oldestFirst()) {
      if (records <= generations && texts <= bytes && size <= bytes + SLACK) break
      records--
      texts -= record.bytes
      size -= record.size
      dropped.push(record)
    }
    drop(index, rows, dropped)
  }
}

// The functions below run in a transaction of the caller's.

/** Ends a record. Its rows that the sweep has passed are removed now. @returns whether all of them are */
function end (index: RecordIndex, rows: RecordRows, record: LiveRecord): boolean {
  const passed = index.end(record)
  for (const number of passed) rows.removeSync(number)
  return passed.length === record.rows.length
}

/** Ends records. If rows of theirs are left, a row says that they are dead, also after a restart. */
function drop (index: RecordIndex, rows: RecordRows, records: readonly LiveRecord[]): void {
  const ids = records.filter((record) => !end(index, rows, record)).map(({ id }) => id)
  if (ids.length === 0) return
  const row = encodeEnd(ids)
  const number = index.last + 1
  rows.putSync(number, row, { append: true })
  index.appendDead(number, sizeOf(row))
}

/** Removes dead rows from the oldest on, while more than half of the bytes are dead. */
function sweep (index: RecordIndex, rows: RecordRows, limit: number): void {
  if (index.bytes <= 2 * index.liveBytes + SLACK) return
  for (const number of index.sweep(limit)) rows.removeSync(number)
}
