import { setImmediate } from 'node:timers/promises'
import type { Tables } from './embedded-tables.js'
import { packedLength, type Packing } from './packed-steps.js'
import { clean, drop, dropExpired, dropOldest, joinRows } from './record-cleaning.js'
import type { RecordLimits } from './record-encoding.js'
import { readIndex, type RecordIndex } from './record-index.js'
import type { Batch, RecordKind } from './record-kind.js'
import { NOWHERE, rowsOfRecord, SegmentWriter, toSeconds } from './record-segment.js'

export interface RecordGround {
  readonly reads: () => Pick<Tables, 'recordSegments'>
  /** All or nothing. */
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: RecordLimits
}

/** Items that are read before other work has its turn. */
const READ = 1000

/**
 * Records of the embedded store, as a log-structured file system (Rosenblum & Ousterhout 1992). Each call appends the new steps of all
 * its generations to a new segment. Each row names the place of the record's row before it. The places of the last rows are in memory; they
 * are found by reading the segments when the store is opened. Once most of the log is dead, old segments are removed and their live rows
 * are moved. A record of many rows is written again as one. A table with a row for each generation and call takes as much processor time,
 * or up to twice as much, and writes 15 to 60 times as many bytes to the disk, since each row that is added or removed rewrites a page.
 */
export class EmbeddedRecords<B extends Batch, I> {
  readonly #kind: RecordKind<B, I>
  readonly #ground: RecordGround
  #known: RecordIndex | null = null
  #writing: Promise<unknown> = Promise.resolve()

  constructor (kind: RecordKind<B, I>, ground: RecordGround) {
    this.#kind = kind
    this.#ground = ground
  }

  /** Returns how many of the items were kept. */
  record (items: B): Promise<number> {
    return this.#inTurn(async () => {
      const batch = await this.#kind.packing(items)
      const { ids, starts } = batch
      const bytes = packedLength(batch, starts[0]!, starts[ids.length]!)
      return await this.#write((index, writer) => {
        const { limits, reads } = this.#ground
        const now = Date.now()
        dropExpired(index, writer, now - this.#keptMs)
        let left = clean(reads(), index, writer, { rows: ids.length, bytes })
        const isLong = index.bytes > limits.bytes // joining costs as much as recording, and a short log needs none
        let kept = 0
        for (let i = 0; i < ids.length; i++) {
          if (isLong && left > 0) left -= joinRows(reads(), index, writer, ids[i]!)
          kept += this.#add(index, writer, batch, i, now)
        }
        dropOldest(index, writer, limits)
        return kept
      })
    })
  }

  async recorded (generationIds: readonly string[]): Promise<Map<string, I[]>> {
    const found = new Map<string, I[]>()
    for (let ids = generationIds; ids.length > 0;) {
      const onTheirWay: string[] = []
      let read = 0
      for (const id of ids) {
        const record = this.#index.get(id)
        if (record === undefined || record.lastAt <= Date.now() - this.#keptMs) continue
        if (record.segment > this.#index.committed) { onTheirWay.push(id); continue }
        const { recordSegments } = this.#ground.reads()
        const rows = rowsOfRecord((number) => recordSegments.getBinaryFast(number), id, record)
        const items = rows.flatMap(({ steps }) => this.#kind.unpack(steps))
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
      await this.#write((index, writer) => {
        for (const id of generationIds) {
          const live = index.get(id)
          if (live !== undefined) drop(index, writer, live)
        }
      })
    })
  }

  /** Reads the index, which takes a moment. Call it at the start, and when something else has written the segments. */
  read (): void { this.#known = readIndex(this.#ground.reads(), Date.now()) }

  get #keptMs (): number { return this.#ground.limits.seconds * 1000 }

  get #index (): RecordIndex {
    this.#ground.reads() // throws if the store is closed
    if (this.#known === null) this.read()
    return this.#known!
  }

  /** Runs one job at a time, so that a failed one can be rolled back. */
  #inTurn<T> (job: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(job)
    this.#writing = done.catch(() => {})
    return done
  }

  async #write<T> (action: (index: RecordIndex, writer: SegmentWriter) => T): Promise<T> {
    const { write, reads } = this.#ground
    try {
      const result = await write(() => {
        const { recordSegments } = reads()
        const [last = 0] = [...recordSegments.getKeys({ reverse: true, limit: 1 })]
        if (this.#index.last !== last) this.read() // a state was imported
        const writer = new SegmentWriter(last, (number, segment) => {
          recordSegments.putSync(number, segment)
          this.#index.segmentAdded(number, segment.length)
        })
        const result = action(this.#index, writer)
        writer.end()
        return result
      })
      this.#known!.commit()
      reads().recordSegments.resetReadTxn() // otherwise reads of this turn could miss what was written
      return result
    } catch (error) {
      this.#known?.rollback()
      throw error
    }
  }

  /** Appends to a record up to the limit of steps. Returns how many steps were kept. Runs in a transaction. */
  #add (index: RecordIndex, writer: SegmentWriter, batch: Packing, i: number, now: number): number {
    const id = batch.ids[i]!
    const from = batch.starts[i]!
    let live = index.get(id)
    if (live !== undefined && live.lastAt <= now - this.#keptMs) { // expired, and not dropped yet
      drop(index, writer, live)
      live = undefined
    }
    const count = Math.min(batch.starts[i + 1]! - from, Math.max(this.#ground.limits.steps - (live?.steps ?? 0), 0))
    if (count > 0) {
      const before = live === undefined ? NOWHERE : { segment: live.segment, offset: live.offset }
      const written = writer.bytes
      const place = writer.append({ id, before, count, at: toSeconds(now) }, batch, from)
      index.append(id, { place, steps: count, bytes: packedLength(batch, from, from + count), size: writer.bytes - written }, now)
    } else if (live !== undefined) index.renew(id, now)
    return count
  }
}
