import { setImmediate } from 'node:timers/promises'
import type { RecordedStep } from '../core/recording/recorded-step.js'
import type { Tables } from './embedded-tables.js'
import { packedLength, packing, unpackSteps, type Packing } from './packed-steps.js'
import { clean, drop, dropExpired, dropOldest } from './record-cleaning.js'
import type { RecordLimits } from './record-encoding.js'
import { readIndex, type RecordIndex } from './record-index.js'
import { rowsOfRecord } from './record-rows.js'
import { NOWHERE, SegmentWriter, toSeconds } from './record-segment.js'
import type { StepBatch } from './step-batch.js'

export interface RecordGround {
  readonly reads: () => Pick<Tables, 'recordSegments'>
  /** All or nothing. */
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: RecordLimits
}

/** Steps that are read at a time, about. */
const READ = 1000

/**
 * The records of the embedded store, as a log: each call appends the new steps of all its generations in a segment, or a few, each row says
 * where the one before it is, and where the last ones are is kept in memory, and found by reading the segments when the store is opened. So
 * what a call costs is what it brings, however many generations there are. (With the steps of a generation beside each other, each call
 * would write a page for each of them.) Old segments are taken away, and what lives in them moved, once most of them is dead
 * (Rosenblum & Ousterhout 1992, a log-structured file system).
 */
export class EmbeddedRecords {
  readonly #ground: RecordGround
  #known: RecordIndex | null = null
  #writing: Promise<unknown> = Promise.resolve()

  constructor (ground: RecordGround) { this.#ground = ground }

  record (steps: StepBatch): Promise<number> {
    return this.#inTurn(async () => {
      const batch = await packing(steps)
      const { ids, starts } = batch
      const bytes = packedLength(batch, starts[0]!, starts[ids.length]!)
      return await this.#write((index, writer) => {
        const { limits, reads } = this.#ground
        const now = Date.now()
        dropExpired(index, writer, now - this.#keptMs)
        clean(reads(), index, writer, ids.length, bytes)
        let kept = 0
        for (let i = 0; i < ids.length; i++) kept += this.#add(index, writer, batch, i, now)
        dropOldest(index, writer, limits)
        return kept
      })
    })
  }

  async recorded (generationIds: readonly string[]): Promise<Map<string, RecordedStep[]>> {
    const found = new Map<string, RecordedStep[]>()
    for (let ids = generationIds; ids.length > 0;) {
      const onTheirWay: string[] = []
      let read = 0
      for (const id of ids) {
        const record = this.#index.get(id)
        if (record === undefined || record.lastAt <= Date.now() - this.#keptMs) continue
        if (record.segment > this.#index.committed) { onTheirWay.push(id); continue }
        const steps = rowsOfRecord(this.#ground.reads(), record).flatMap(({ steps }) => unpackSteps(steps))
        if (steps.length > 0) found.set(id, steps)
        if ((read += record.steps) < READ) continue
        read = 0
        await setImmediate()
      }
      if (onTheirWay.length > 0) await this.#writing
      ids = onTheirWay
    }
    return found
  }

  /** Those on their way too. */
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

  /** Takes a moment, so that no request has to wait for it. To be called as well when the segments are others than were written here. */
  read (): void { this.#known = readIndex(this.#ground.reads(), Date.now()) }

  get #keptMs (): number { return this.#ground.limits.seconds * 1000 }

  get #index (): RecordIndex {
    this.#ground.reads() // throws once the store is closed
    if (this.#known === null) this.read()
    return this.#known!
  }

  /** One at a time, so that what fails can be undone. */
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
          this.#index.added(number, segment.length)
        })
        const result = action(this.#index, writer)
        writer.end()
        return result
      })
      this.#known!.commit()
      reads().recordSegments.resetReadTxn() // or what is read in this turn may be as it was a moment ago
      return result
    } catch (error) {
      this.#known?.rollback()
      throw error
    }
  }

  /** Appends to a record, up to a limit in all; returns how many steps were kept. Runs in a transaction. */
  #add (index: RecordIndex, writer: SegmentWriter, batch: Packing, i: number, now: number): number {
    const id = batch.ids[i]!
    const from = batch.starts[i]!
    let live = index.get(id)
    if (live !== undefined && live.lastAt <= now - this.#keptMs) { // its turn has not come yet
      drop(index, writer, live)
      live = undefined
    }
    const count = Math.min(batch.starts[i + 1]! - from, Math.max(this.#ground.limits.steps - (live?.steps ?? 0), 0))
    if (count > 0) {
      const before = live === undefined ? NOWHERE : { segment: live.segment, offset: live.offset }
      const written = writer.bytes
      const place = writer.append({ id, before, count, at: toSeconds(now) }, batch, from)
      index.append(live ??= index.begin(id), place, count, packedLength(batch, from, from + count), writer.bytes - written)
    }
    if (live !== undefined) index.renew(live, now)
    return count
  }
}
