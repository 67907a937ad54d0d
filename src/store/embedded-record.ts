import type { RecordedStep } from '../core/recorded-step.js'
import type { Tables } from './embedded-tables.js'
import { inTurns } from './encoding.js'
import { decodeSteps, encodeStep, type RecordLimits } from './record-encoding.js'
import { readIndex, type Live, type RecordIndex } from './record-index.js'
import { NOWHERE, RecordSegment, rowAt, rowsOf, type Place } from './record-segment.js'

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
/** What one call takes away of old segments, and moves out of them, about: decisions wait meanwhile. Bytes. */
const CLEANED = { taken: 8 * 1024 * 1024, moved: 1024 * 1024 }
/** Records that are read at a time: each may be of thousands of steps. */
const READ = 4

/**
 * The records of the embedded store, as a log: each call appends one segment with the new steps of all its generations, each row says where
 * the one before it is, and where the last ones are is kept in memory, and found by reading the segments when the store is opened. So what
 * a call costs is what it brings, however many generations there are. (With the steps of a generation beside each other, each call
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
    return await this.#write((index, segment) => {
      const now = Date.now()
      dropExpired(index, segment, now - this.#keptMs)
      this.#clean(index, segment)
      let kept = 0
      for (const [id, some] of texts) kept += this.#add(index, segment, id, some, now)
      this.#dropOldest(index, segment)
      return kept
    })
  }

  async recorded (generationIds: readonly string[]): Promise<Map<string, RecordedStep[]>> {
    const found = new Map<string, RecordedStep[]>()
    for (let ids = generationIds; ids.length > 0;) {
      const onTheirWay: string[] = []
      await inTurns(ids, (id) => {
        const record = this.#index.get(id)
        if (record === undefined || record.lastAt <= Date.now() - this.#keptMs) return
        if (record.last.segment > this.#index.committed) { onTheirWay.push(id); return }
        const steps = this.#rows(id, record).flatMap(decodeSteps)
        if (steps.length > 0) found.set(id, steps)
      }, READ)
      if (onTheirWay.length > 0) await this.#writing
      ids = onTheirWay
    }
    return found
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    await this.#writing // they may be on their way
    if (!generationIds.some((id) => this.#index.get(id))) return
    await this.#write((index, segment) => { for (const id of generationIds) drop(index, segment, id) })
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
  #rows (id: string, { last }: Live): string[] {
    const { recordSegments } = this.#ground.reads()
    const rows: string[] = []
    for (let place = last; place.segment !== NOWHERE.segment;) {
      const segment = recordSegments.getBinaryFast(place.segment)
      const row = segment && rowAt(segment, place.offset)
      if (row?.id !== id || row.steps === null) break // damaged: steps that are missing count as the worst case
      rows.push(row.steps)
      if (!isBefore(row.before, place)) break // damaged: it would never end
      place = row.before
    }
    return rows.reverse()
  }

  /** One at a time, so that what fails can be undone. */
  async #write<T> (action: (index: RecordIndex, segment: RecordSegment) => T): Promise<T> {
    const { write, reads } = this.#ground
    const writing = this.#writing.then(async () => {
      try {
        const result = await write(() => {
          const { recordSegments } = reads()
          const [last = 0] = [...recordSegments.getKeys({ reverse: true, limit: 1 })]
          if (this.#index.last !== last) this.read() // a state was imported
          const segment = new RecordSegment(last + 1)
          const result = action(this.#index, segment)
          if (segment.bytes === 0) return result
          recordSegments.putSync(segment.number, segment.encoded())
          this.#index.added(segment.number, segment.bytes)
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
  #add (index: RecordIndex, segment: RecordSegment, id: string, texts: readonly string[], now: number): number {
    const old = index.get(id)
    if (old !== undefined && old.lastAt <= now - this.#keptMs) drop(index, segment, id) // its turn has not come yet
    const { first, last, steps, bytes } = index.get(id) ?? { first: segment.number, last: NOWHERE, steps: 0, bytes: 0 }
    const kept = texts.slice(0, Math.max(this.#ground.limits.steps - steps, 0))
    const text = kept.join()
    index.renew(id, {
      first,
      last: kept.length === 0 ? last : segment.append({ id, before: last, count: kept.length, steps: text }),
      lastAt: now,
      steps: steps + kept.length,
      bytes: bytes + Buffer.byteLength(text),
    })
    return kept.length
  }

  #dropOldest (index: RecordIndex, segment: RecordSegment): void {
    const { generations, bytes } = this.#ground.limits
    for (const [id] of index.entries()) {
      if (index.size <= generations && index.stepBytes <= bytes) return
      drop(index, segment, id)
    }
  }

  /** Takes old segments away while most of what there is is dead, and moves what lives in them to the new one, each record as one row. */
  #clean (index: RecordIndex, segment: RecordSegment): void {
    const { recordSegments } = this.#ground.reads()
    let taken = 0
    while (index.bytes > 2 * index.liveBytes + SLACK && segment.bytes < CLEANED.moved && taken < CLEANED.taken) {
      const [oldest] = [...recordSegments.getKeys({ limit: 1 })]
      if (oldest === undefined) return
      const bytes = recordSegments.getBinary(oldest)!
      for (const { id } of rowsOf(bytes, oldest)) {
        const record = index.get(id)
        if (record !== undefined && record.first <= oldest) this.#move(index, segment, id, record) // else it is over, or was moved
      }
      recordSegments.removeSync(oldest)
      index.removed(bytes.length)
      taken += bytes.length
    }
  }

  #move (index: RecordIndex, segment: RecordSegment, id: string, record: Live): void {
    const rows = this.#rows(id, record).map((steps) => ({ steps, count: decodeSteps(steps).length })).filter(({ count }) => count > 0)
    if (rows.length === 0) { drop(index, segment, id); return } // all of it is damaged
    const steps = rows.map(({ steps }) => steps).join()
    const count = rows.reduce((sum, { count }) => sum + count, 0)
    const last = segment.append({ id, before: NOWHERE, count, steps })
    index.put(id, { first: segment.number, last, lastAt: record.lastAt, steps: count, bytes: Buffer.byteLength(steps) })
  }
}

const isBefore = (a: Place, b: Place): boolean => a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)

function dropExpired (index: RecordIndex, segment: RecordSegment, since: number): void {
  let dropped = 0
  for (const [id, { lastAt }] of index.entries()) {
    if (lastAt > since || dropped++ === DROPPED) return
    drop(index, segment, id)
  }
}

/** Says so in the segment, or the record would be there again when the store is opened again. */
function drop (index: RecordIndex, segment: RecordSegment, id: string): void {
  if (index.get(id) === undefined) return
  index.delete(id)
  segment.append({ id, before: NOWHERE, count: 0, steps: null })
}
