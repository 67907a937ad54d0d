import type { RecordedStep } from '../core/recorded-step.js'
import type { Tables } from './embedded-tables.js'
import { inTurns } from './encoding.js'
import { decodeSteps, encodeStep, type RecordLimits } from './record-encoding.js'
import { NOWHERE, RecordSegment, rowAt, rowsOf, type Place } from './record-segment.js'

export interface RecordGround {
  readonly reads: () => Pick<Tables, 'recordSegments'>
  /** All or nothing. */
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: RecordLimits
}

/** Of a generation: the segment of its first row, the place of its last one, when that was written (ms), and what its steps take up. */
interface Live { first: number, last: Place, lastAt: number, steps: number, bytes: number }

/** What is known of the segments; those written to the longest ago come first. */
interface Index { readonly records: Map<string, Live>, next: number, bytes: number, liveBytes: number }

/** Records that are dropped at a time; more than one call can add. */
const DROPPED = 1000
/** What segments may take up beside twice what lives in them, bytes. */
const SLACK = 8 * 1024 * 1024
/** What one call moves at least out of old segments, if there is so much, bytes. */
const MOVED = 1024 * 1024

/**
 * The records of the embedded store, as a log: each call appends one segment with the new steps of all its generations, each row says where
 * the one before it is, and where the last ones are is kept in memory, and found by reading the segments when the store is opened. So what
 * a call costs is what it brings, however many generations there are. (With the steps of a generation beside each other, each call
 * would write a page for each of them.) Old segments are taken away, and what lives in them moved, once most of them is dead
 * (Rosenblum & Ousterhout 1992, a log-structured file system).
 */
export class EmbeddedRecords {
  readonly #ground: RecordGround
  #known: Index | null = null
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
    const read = async (ids: readonly string[]): Promise<string[]> => {
      const since = Date.now() - this.#keptMs
      const rows = await inTurns(ids, (id) => {
        const record = this.#index.records.get(id)
        return record === undefined || record.lastAt <= since ? [] : this.#rows(id, record)
      })
      for (const [i, texts] of rows.entries()) if (texts !== null && texts.length > 0) found.set(ids[i]!, texts.flatMap(decodeSteps))
      return ids.filter((_, i) => rows[i] === null)
    }
    const onTheirWay = await read(generationIds)
    if (onTheirWay.length > 0) {
      await this.#writing
      this.#ground.reads().recordSegments.resetReadTxn() // or what is read may be as it was a moment ago
      await read(onTheirWay)
    }
    return found
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    const known = generationIds.filter((id) => this.#index.records.has(id))
    if (known.length > 0) await this.#write((index, segment) => { for (const id of known) drop(index, segment, id) })
  }

  /** To be called when the segments are others than those that were written here. */
  readAgain (): void { this.#known = null }

  get #keptMs (): number { return this.#ground.limits.seconds * 1000 }

  get #index (): Index {
    this.#known ??= readIndex(this.#ground.reads(), Date.now())
    return this.#known
  }

  /** Those of a record in order, oldest first; `null`: the last segment is not on disk yet. */
  #rows (id: string, { last }: Live): string[] | null {
    const { recordSegments } = this.#ground.reads()
    const rows: string[] = []
    for (let place = last; place.segment !== NOWHERE.segment;) {
      const segment = recordSegments.getBinaryFast(place.segment)
      if (segment === undefined && rows.length === 0) return null
      const row = segment && rowAt(segment, place.offset)
      if (row?.id !== id || row.steps === null) break // damaged: steps that are missing count as the worst case
      rows.push(row.steps)
      place = row.before
    }
    return rows.reverse()
  }

  async #write<T> (action: (index: Index, segment: RecordSegment) => T): Promise<T> {
    const { write, reads } = this.#ground
    const writing = write(() => {
      const index = this.#index
      const segment = new RecordSegment(index.next++)
      const result = action(index, segment)
      if (segment.bytes > 0) reads().recordSegments.putSync(segment.number, segment.encoded())
      index.bytes += segment.bytes
      return result
    })
    this.#writing = writing.catch(() => this.readAgain()) // memory may be ahead of the segments
    return await writing
  }

  // All that follows runs in a transaction.

  /** Appends to a record, up to a limit in all; returns how many steps were kept. */
  #add (index: Index, segment: RecordSegment, id: string, texts: readonly string[], now: number): number {
    const before = index.records.get(id)
    if (before !== undefined && before.lastAt <= now - this.#keptMs) drop(index, segment, id) // its turn has not come yet
    const record = index.records.get(id) ?? { first: segment.number, last: NOWHERE, lastAt: now, steps: 0, bytes: 0 }
    index.records.delete(id)
    index.records.set(id, record) // behind all others
    record.lastAt = now
    const kept = texts.slice(0, this.#ground.limits.steps - record.steps)
    if (kept.length === 0) return 0
    const steps = kept.join()
    record.last = segment.append({ id, before: record.last, steps })
    record.steps += kept.length
    record.bytes += steps.length
    index.liveBytes += steps.length
    return kept.length
  }

  #dropOldest (index: Index, segment: RecordSegment): void {
    const { generations, bytes } = this.#ground.limits
    for (const id of index.records.keys()) {
      if (index.records.size <= generations && index.liveBytes <= bytes) return
      drop(index, segment, id)
    }
  }

  /** Takes old segments away while most of what there is is dead, and moves what lives in them to the new one, each record as one row. */
  #clean (index: Index, segment: RecordSegment): void {
    const { recordSegments } = this.#ground.reads()
    while (index.bytes > 2 * index.liveBytes + SLACK && segment.bytes < MOVED) {
      const [oldest] = [...recordSegments.getKeys({ limit: 1 })]
      if (oldest === undefined) return
      const bytes = recordSegments.getBinary(oldest)!
      for (const { id } of rowsOf(bytes, oldest)) {
        const record = index.records.get(id)
        if (record === undefined || record.first > oldest) continue // of one that is over, or was moved
        record.last = segment.append({ id, before: NOWHERE, steps: this.#rows(id, record)?.join() ?? '' })
        record.first = segment.number
      }
      recordSegments.removeSync(oldest)
      index.bytes -= bytes.length
    }
  }
}

function dropExpired (index: Index, segment: RecordSegment, since: number): void {
  let dropped = 0
  for (const [id, { lastAt }] of index.records) {
    if (lastAt > since || dropped++ === DROPPED) return
    drop(index, segment, id)
  }
}

/** Says so in the segment, or the record would be there again when the store is opened again. */
function drop (index: Index, segment: RecordSegment, id: string): void {
  index.liveBytes -= index.records.get(id)!.bytes
  index.records.delete(id)
  segment.append({ id, before: NOWHERE, steps: null })
}

/** When the last steps came is not known any more: perhaps just now. */
function readIndex ({ recordSegments }: Pick<Tables, 'recordSegments'>, now: number): Index {
  const index: Index = { records: new Map(), next: 1, bytes: 0, liveBytes: 0 }
  for (const number of recordSegments.getKeys()) {
    const segment = recordSegments.getBinary(number)!
    index.next = number + 1
    index.bytes += segment.length
    for (const { id, before, steps, place } of rowsOf(segment, number)) {
      const known = before.segment === NOWHERE.segment ? undefined : index.records.get(id) // it begins, ends, or was moved
      index.liveBytes -= (index.records.get(id)?.bytes ?? 0) - (known?.bytes ?? 0)
      index.records.delete(id)
      if (steps === null) continue
      index.records.set(id, {
        first: known?.first ?? number,
        last: place,
        lastAt: now,
        steps: (known?.steps ?? 0) + decodeSteps(steps).length,
        bytes: (known?.bytes ?? 0) + steps.length,
      })
      index.liveBytes += steps.length
    }
  }
  return index
}
