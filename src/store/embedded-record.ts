import { setImmediate } from 'node:timers/promises'
import type { RecordedStep } from '../core/recorded-step.js'
import type { Tables } from './embedded-tables.js'
import { inTurns } from './encoding.js'
import { decodeSteps, encodeStep, type RecordLimits } from './record-encoding.js'
import { readIndex, type Live, type RecordIndex } from './record-index.js'
import { isBefore, NOWHERE, rowAt, SegmentWriter, toSeconds, type Row } from './record-segment.js'

export interface RecordGround {
  readonly reads: () => Pick<Tables, 'recordSegments'>
  /** All or nothing. */
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: RecordLimits
}

/** Records that are dropped at a time; more than one call can add. */
const DROPPED = 1000
/** What segments may take up beside twice what lives in them, bytes. */
const SLACK = 8 * 1024 * 1024
/**
 * What a call does of cleaning, about: rows read and KiB moved, some 5 us each, and segments taken away, for decisions wait meanwhile. It
 * suffices, for a call brings some 256 rows, and each is moved at most once as a row of its own. And twice the KiB that it brings.
 */
const CLEANED = 500
/** What it takes to take one segment away. */
const TAKEN = 4
/** Before there are any of a generation. */
const NONE: Live = { first: NOWHERE.segment, last: NOWHERE, lastAt: 0, steps: 0, bytes: 0, size: 0 }
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

  async record (steps: ReadonlyMap<string, readonly RecordedStep[]>): Promise<number> {
    const texts = await inTurns([...steps], ([id, some]) => [id, some.map(encodeStep)] as const)
    const characters = texts.reduce((sum, [, some]) => some.reduce((sum, { length }) => sum + length, sum), 0)
    return await this.#write((index, writer) => {
      const now = Date.now()
      dropExpired(index, writer, now - this.#keptMs)
      this.#clean(index, writer, characters)
      let kept = 0
      for (const [id, some] of texts) kept += this.#add(index, writer, id, some, now)
      this.#dropOldest(index, writer)
      return kept
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
        if (record.last.segment > this.#index.committed) { onTheirWay.push(id); continue }
        const steps = this.#rows(id, record).flatMap(textsOf).flatMap(decodeSteps)
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

  async forget (generationIds: readonly string[]): Promise<void> {
    await this.#writing // they may be on their way
    if (!generationIds.some((id) => this.#index.get(id))) return
    await this.#write((index, writer) => { for (const id of generationIds) drop(index, writer, id) })
  }

  /** Takes a moment, so that no request has to wait for it. To be called as well when the segments are others than were written here. */
  read (): void { this.#known = readIndex(this.#ground.reads(), Date.now()) }

  get #keptMs (): number { return this.#ground.limits.seconds * 1000 }

  get #index (): RecordIndex {
    this.#ground.reads() // throws once the store is closed
    if (this.#known === null) this.read()
    return this.#known!
  }

  /** Those of a record in order, oldest first. */
  #rows (id: string, { last }: Live): Row[] {
    const { recordSegments } = this.#ground.reads()
    const rows: Row[] = []
    for (let place = last; place.segment !== NOWHERE.segment;) {
      const segment = recordSegments.getBinaryFast(place.segment)
      const row = segment && rowAt(segment, place.offset)
      if (row?.id !== id || row.steps === null) break // damaged: steps that are missing count as the worst case
      rows.push(row)
      if (!isBefore(row.before, place)) break // damaged: it would never end
      place = row.before
    }
    return rows.reverse()
  }

  /** One at a time, so that what fails can be undone. */
  async #write<T> (action: (index: RecordIndex, writer: SegmentWriter) => T): Promise<T> {
    const { write, reads } = this.#ground
    const writing = this.#writing.then(async () => {
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
    })
    this.#writing = writing.catch(() => {})
    return await writing
  }

  // All that follows runs in a transaction.

  /** Appends to a record, up to a limit in all; returns how many steps were kept. */
  #add (index: RecordIndex, writer: SegmentWriter, id: string, texts: readonly string[], now: number): number {
    const old = index.get(id)
    if (old !== undefined && old.lastAt <= now - this.#keptMs) drop(index, writer, id) // its turn has not come yet
    const live = index.get(id) ?? NONE
    const { first, last, steps, bytes, size } = live
    const kept = texts.slice(0, Math.max(this.#ground.limits.steps - steps, 0))
    if (kept.length === 0) {
      if (live !== NONE) index.renew(id, { ...live, lastAt: now })
      return 0
    }
    const text = kept.join()
    const written = writer.bytes
    const place = writer.append({ id, before: last, count: kept.length, at: toSeconds(now), steps: [text] })
    index.renew(id, {
      first: first === NOWHERE.segment ? place.segment : first,
      last: place,
      lastAt: now,
      steps: steps + kept.length,
      bytes: bytes + Buffer.byteLength(text),
      size: size + writer.bytes - written,
    })
    return kept.length
  }

  #dropOldest (index: RecordIndex, writer: SegmentWriter): void {
    const { generations, bytes } = this.#ground.limits
    for (const [id] of index.entries()) {
      if (index.size <= generations && index.stepBytes <= bytes) return
      drop(index, writer, id)
    }
  }

  /**
   * Takes old segments away while most of what there is is dead, and moves what lives in them to the new one, each record as one row. Goes
   * on with the next call where it has done enough.
   */
  #clean (index: RecordIndex, writer: SegmentWriter, characters: number): void {
    const { recordSegments } = this.#ground.reads()
    let left = CLEANED + 2 * characters / 1024
    while (index.bytes > 2 * index.liveBytes + SLACK) {
      const [oldest] = [...recordSegments.getKeys({ limit: 1 })]
      if (oldest === undefined) return
      for (const id of index.beginningIn(oldest)) {
        left -= this.#move(index, writer, id, index.get(id)!)
        if (left <= 0) return
      }
      index.removed(recordSegments.getBinaryFast(oldest)!.length)
      recordSegments.removeSync(oldest)
      if ((left -= TAKEN) <= 0) return
    }
  }

  /** Returns what it took, as `CLEANED` has it. */
  #move (index: RecordIndex, writer: SegmentWriter, id: string, record: Live): number {
    const rows = this.#rows(id, record)
    if (rows.length === 0) { drop(index, writer, id); return 1 } // all of it is damaged
    const written = writer.bytes
    const steps = rows.flatMap(textsOf)
    const count = rows.reduce((sum, { count }) => sum + count, 0)
    const last = writer.append({ id, before: NOWHERE, count, at: toSeconds(record.lastAt), steps })
    const size = writer.bytes - written
    index.put(id, { ...record, first: last.segment, last, steps: count, bytes: Buffer.byteLength(steps.join('\t')), size })
    return rows.length + size / 1024
  }
}

const textsOf = ({ steps }: Row): readonly string[] => steps ?? []

function dropExpired (index: RecordIndex, writer: SegmentWriter, since: number): void {
  let dropped = 0
  for (const [id, { lastAt }] of index.entries()) {
    if (lastAt > since || dropped++ === DROPPED) return
    drop(index, writer, id)
  }
}

/** Says so in the segment, or the record would be there again when the store is opened again. */
function drop (index: RecordIndex, writer: SegmentWriter, id: string): void {
  if (index.get(id) === undefined) return
  index.delete(id)
  writer.append({ id, before: NOWHERE, count: 0, at: 0, steps: null })
}
