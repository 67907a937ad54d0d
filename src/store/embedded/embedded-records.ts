import { setImmediate } from 'node:timers/promises'
import { packedLength, type Packing } from '../step-records/step-encoding.js'
import type { Batch, RecordKind } from '../step-records/record-kind.js'
import type { RecordLimits } from '../step-record-store.js'
import { decodeRow, encodeEnd, encodeRow, type LiveRecord, readIndex, type RecordIndex, type RecordRows, sizeOf } from './record-index.js'

export interface RecordStorage {
  /** The table of the rows. Throws if the store is closed. */
  readonly rows: () => RecordRows
  /** All or nothing. */
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: RecordLimits
}

/** Items that are read before other work has its turn. */
const READ = 1000
/** Expired records that one call drops at most; more than one call can add. */
const DROPPED = 2000
/** Bytes that live rows may take up beyond the limit of their steps, and dead rows beyond the live ones. */
export const SLACK = 8 * 1024 * 1024
/** Limit of the rows that one call sweeps, beyond twice as many as it adds. It is low, since decisions wait meanwhile. */
const SWEPT = 256

/**
 * Records of the embedded store: one row for each call and generation, under a number that counts up. Which rows a record has is in memory,
 * and is read from the rows when the store is opened. Rows of records that ended are removed later, by a sweep from the oldest on: removing
 * them at once would rewrite a page for each row.
 *
 * Measured in turns with rows packed into segments, which were cleaned as in a log-structured file system, at 1,000 generations a call:
 * rows took 1.1 to 1.4 times the processor time per step, where nine of ten records are forgotten and where all of them expire. Rows
 * keyed by generation, without a sweep, wrote 8 to 12 times the bytes.
 */
export class EmbeddedRecords<B extends Batch, I> {
  readonly #kind: RecordKind<B, I>
  readonly #storage: RecordStorage
  #known: RecordIndex | null = null
  #writing: Promise<unknown> = Promise.resolve()

  constructor (kind: RecordKind<B, I>, storage: RecordStorage) {
    this.#kind = kind
    this.#storage = storage
  }

  /** Returns how many of the items were kept. */
  append (items: B): Promise<number> {
    return this.#inTurn(async () => {
      const batch = await this.#kind.packing(items)
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

  async read (generationIds: readonly string[]): Promise<Map<string, I[]>> {
    const found = new Map<string, I[]>()
    for (let ids = generationIds; ids.length > 0;) {
      const onTheirWay: string[] = []
      let read = 0
      for (const id of ids) {
        const record = this.#index.get(id)
        if (record === undefined || this.#isExpired(record, Date.now())) continue
        if ((record.rows.at(-1) ?? 0) > this.#index.committed) { onTheirWay.push(id); continue }
        const items = this.#itemsOf(record)
        if (items.length > 0) found.set(id, items)
        if ((read += record.steps) < READ) continue
        read = 0
        await setImmediate()
      }
      if (onTheirWay.length > 0) await this.#writing
      ids = onTheirWay
    }
    return found
  }

  /** Also forgets items that are still being written. */
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

  /** Items of a damaged row are left out. */
  #itemsOf ({ id, rows }: LiveRecord): I[] {
    const table = this.#storage.rows()
    return rows.flatMap((number) => {
      const row = decodeRow(table.getBinaryFast(number))
      return row?.id === id ? this.#kind.unpack(row.steps) : []
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
      this.#storage.rows().resetReadTxn() // otherwise reads of this turn could miss what was written
      return result
    } catch (error) {
      this.#known?.rollback()
      throw error
    }
  }

  /** Appends to a record up to the limit of steps. Returns how many steps were kept. Runs in a transaction. */
  #add (index: RecordIndex, rows: RecordRows, batch: Packing, i: number, id: string, now: number): number {
    const from = batch.starts[i]!
    let live = index.get(id)
    if (live !== undefined && this.#isExpired(live, now)) { // not dropped yet
      end(index, rows, live)
      live = undefined
    }
    const count = Math.min(batch.starts[i + 1]! - from, Math.max(this.#storage.limits.steps - (live?.steps ?? 0), 0))
    if (count > 0) {
      const row = encodeRow(id, now, count, batch, from)
      const number = index.last + 1
      rows.putSync(number, row, { append: true })
      index.append(id, { number, steps: count, bytes: packedLength(batch, from, from + count), size: sizeOf(row) }, now)
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

  /** The heads of rows count as well: if each call adds a step or two of a generation, they take up more space than the steps. */
  #dropOldest (index: RecordIndex, rows: RecordRows): void {
    const { generations, bytes } = this.#storage.limits
    let [records, steps, size] = [index.size, index.stepBytes, index.liveBytes]
    const dropped: LiveRecord[] = []
    for (const record of index.oldestFirst()) {
      if (records <= generations && steps <= bytes && size <= bytes + SLACK) break
      records--
      steps -= record.bytes
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
