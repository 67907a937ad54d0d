import type { Tables } from './embedded-tables.js'
import { idText, NOWHERE, rowsOf, type Place } from './record-segment.js'

/** Of a generation: the segment of its first row, the place of its last one, when that was written (ms), and what its steps take up. */
export interface Live {
  readonly first: number
  readonly last: Place
  readonly lastAt: number
  readonly steps: number
  readonly bytes: number
}

/** What a row takes up beside its id and steps, at most, bytes. */
const ROW_BYTES = 48

/** What is known of the segments: the records that live in them, those written to the longest ago first. What fails can be undone. */
export class RecordIndex {
  readonly #records = new Map<string, Live>()
  /** Of those that changed since the last commit. */
  readonly #before = new Map<string, Live | undefined>()
  /** The newest segment, and what all take up, bytes. */
  #segments = { last: 0, bytes: 0 }
  #committed = this.#segments
  /** What the steps of all records take up, and the rest of a row for each, bytes. */
  #steps = 0
  #heads = 0

  get size (): number { return this.#records.size }
  get last (): number { return this.#segments.last }
  /** The newest segment that is on disk. */
  get committed (): number { return this.#committed.last }
  get bytes (): number { return this.#segments.bytes }
  get stepBytes (): number { return this.#steps }
  /** What segments with nothing but these records would take up. */
  get liveBytes (): number { return this.#steps + this.#heads }

  get (id: string): Live | undefined { return this.#records.get(id) }
  entries (): Iterable<[string, Live]> { return this.#records }

  /** Keeps its turn. */
  put (id: string, live: Live): void {
    const before = this.#remember(id)
    this.#steps += live.bytes - (before?.bytes ?? 0)
    if (before === undefined) this.#heads += headBytes(id)
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
    this.#heads -= headBytes(id)
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
}

const headBytes = (id: string): number => idText(id).length + ROW_BYTES

/** When the last steps came is not known any more: perhaps just now. */
export function readIndex ({ recordSegments }: Pick<Tables, 'recordSegments'>, now: number): RecordIndex {
  const index = new RecordIndex()
  for (const number of recordSegments.getKeys()) {
    const segment = recordSegments.getBinary(number)!
    index.added(number, segment.length)
    for (const { id, before, count, bytes, place } of rowsOf(segment, number)) {
      const last = index.get(id)
      const known = last !== undefined && isSame(last.last, before) ? last : undefined // else it begins, ends, was moved, or one is damaged
      if (bytes === null) { index.delete(id); continue }
      index.renew(id, {
        first: known?.first ?? number,
        last: place,
        lastAt: now,
        steps: (known?.steps ?? 0) + count,
        bytes: (known?.bytes ?? 0) + bytes,
      })
    }
    index.commit()
  }
  return index
}

const isSame = (a: Place, b: Place): boolean => a.segment === b.segment && a.offset === b.offset && a.segment !== NOWHERE.segment
