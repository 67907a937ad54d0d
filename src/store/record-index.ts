import type { Tables } from './embedded-tables.js'
import { isBefore, NOWHERE, rowsOf, type Place } from './record-segment.js'

/** Of a generation: the segment of its first row, the place of its last one, and when that was written (ms). */
export interface Live {
  readonly first: number
  readonly last: Place
  readonly lastAt: number
  readonly steps: number
  /** Of its steps, encoded. */
  readonly bytes: number
  /** Of its rows, bytes. */
  readonly size: number
}

const NONE: ReadonlySet<string> = new Set()

/** What is known of the segments: the records that live in them, those written to the longest ago first. What fails can be undone. */
export class RecordIndex {
  readonly #records = new Map<string, Live>()
  /** Their ids by the segment of their first row. */
  readonly #beginning = new Map<number, Set<string>>()
  /** Of those that changed since the last commit. */
  readonly #before = new Map<string, Live | undefined>()
  /** The newest segment, and what all take up, bytes. */
  #segments = { last: 0, bytes: 0 }
  #committed = this.#segments
  /** What the steps of all records take up, and what their rows do, bytes. */
  #steps = 0
  #rows = 0

  get size (): number { return this.#records.size }
  get last (): number { return this.#segments.last }
  /** The newest segment that is on disk. */
  get committed (): number { return this.#committed.last }
  get bytes (): number { return this.#segments.bytes }
  get stepBytes (): number { return this.#steps }
  /** Of `bytes`, those of rows that live. */
  get liveBytes (): number { return this.#rows }

  get (id: string): Live | undefined { return this.#records.get(id) }
  entries (): Iterable<[string, Live]> { return this.#records }
  /** Ids of the records whose first row is in this segment; they may be put elsewhere meanwhile. */
  beginningIn (segment: number): Iterable<string> { return this.#beginning.get(segment) ?? NONE }

  /** Keeps its turn. */
  put (id: string, live: Live): void {
    const before = this.#remember(id)
    this.#steps += live.bytes - (before?.bytes ?? 0)
    this.#rows += live.size - (before?.size ?? 0)
    if (before?.first !== live.first) {
      this.#endIn(before?.first, id)
      this.#beginIn(live.first, id)
    }
    this.#records.set(id, live)
  }

  /** Has its turn behind all others. */
  renew (id: string, live: Live): void {
    this.put(id, live)
    this.#records.delete(id)
    this.#records.set(id, live)
  }

  delete (id: string): void {
    const before = this.#remember(id)
    if (before === undefined) return
    this.#steps -= before.bytes
    this.#rows -= before.size
    this.#endIn(before.first, id)
    this.#records.delete(id)
  }

  added (segment: number, bytes: number): void { this.#segments = { last: segment, bytes: this.bytes + bytes } }
  removed (bytes: number): void { this.#segments = { last: this.last, bytes: this.bytes - bytes } }

  commit (): void {
    this.#committed = this.#segments
    this.#before.clear()
  }

  /** Back to the last commit; what had changed has its turn last. */
  rollback (): void {
    for (const [id, live] of [...this.#before]) {
      this.delete(id)
      if (live !== undefined) this.put(id, live)
    }
    this.#segments = this.#committed
    this.#before.clear()
  }

  #remember (id: string): Live | undefined {
    const live = this.#records.get(id)
    if (!this.#before.has(id)) this.#before.set(id, live)
    return live
  }

  #beginIn (segment: number, id: string): void {
    const ids = this.#beginning.get(segment)
    if (ids === undefined) this.#beginning.set(segment, new Set([id])); else ids.add(id)
  }

  #endIn (segment: number | undefined, id: string): void {
    if (segment === undefined) return
    const ids = this.#beginning.get(segment)!
    ids.delete(id)
    if (ids.size === 0) this.#beginning.delete(segment)
  }
}

/** @param now ms; steps of later, by a clock that was put back, came just now */
export function readIndex ({ recordSegments }: Pick<Tables, 'recordSegments'>, now: number): RecordIndex {
  const index = new RecordIndex()
  const records = new Map<string, Live>()
  for (const number of recordSegments.getKeys()) {
    const segment = recordSegments.getBinary(number)!
    index.added(number, segment.length)
    for (const { id, before, count, at, bytes, place, size } of rowsOf(segment, number)) {
      if (bytes === null) { records.delete(id); continue }
      const last = records.get(id)
      const known = last !== undefined && isSame(last.last, before) ? last : undefined // else it begins, was moved, or one is damaged
      records.set(id, {
        first: known?.first ?? number,
        last: place,
        lastAt: Math.min(1000 * at, now),
        steps: (known?.steps ?? 0) + count,
        bytes: (known?.bytes ?? 0) + bytes,
        size: (known?.size ?? 0) + size,
      })
    }
  }
  const turns = [...records].sort(([, a], [, b]) => a.lastAt - b.lastAt || (isBefore(a.last, b.last) ? -1 : 1))
  for (const [id, live] of turns) index.put(id, live)
  index.commit()
  return index
}

const isSame = (a: Place, b: Place): boolean => a.segment === b.segment && a.offset === b.offset && a.segment !== NOWHERE.segment
