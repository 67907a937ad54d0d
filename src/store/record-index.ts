import type { Tables } from './embedded-tables.js'
import { isBefore, NOWHERE, rowsOf, type Place } from './record-segment.js'

/** Of a generation: the segment of its first row, the place of its last one, and when that was written (ms). */
export interface RecordPosition {
  first: number
  segment: number
  offset: number
  lastAt: number
  steps: number
  /** Of its steps, packed. */
  bytes: number
  /** Of its rows, bytes. */
  size: number
}

/** A record. */
export interface LiveRecord extends Readonly<RecordPosition> { readonly id: string }

/**
 * One, and the ones that were written to before and after it. It is changed in place: a new one each time would grow old, and be collected
 * dearly.
 */
class Entry implements LiveRecord {
  first = NOWHERE.segment
  segment = NOWHERE.segment
  offset = NOWHERE.offset
  lastAt = 0
  steps = 0
  bytes = 0
  size = 0
  isChanged = false
  older: Entry = this
  newer: Entry = this
  constructor (readonly id: string) {}
}

/** How one stood at the last commit, if it was there. */
interface Before extends RecordPosition { entry: Entry, wasThere: boolean }

/** As many of which are kept for the next commit. */
const KEPT = 4096

/** What is known of the segments: the records that live in them, those written to the longest ago first. What fails can be undone. */
export class RecordIndex {
  readonly #records = new Map<string, Entry>()
  /** In a ring: behind it the oldest, before it the newest. */
  readonly #ends = new Entry('')
  /** Those that changed since the last commit are the first ones of these, which are used again and again. */
  readonly #before: Before[] = []
  #changes = 0
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

  get (id: string): LiveRecord | undefined { return this.#records.get(id) }
  /** The one that was written to the longest ago. */
  get oldest (): LiveRecord | undefined { return this.#ends.newer === this.#ends ? undefined : this.#ends.newer }

  /** Of none yet, which is then the newest. */
  begin (id: string): LiveRecord {
    const entry = new Entry(id)
    this.#change(entry, false)
    this.#records.set(id, entry)
    link(entry, this.#ends)
    return entry
  }

  /** Keeps its turn. */
  put (live: LiveRecord, standing: RecordPosition): void {
    const entry = live as Entry
    this.#change(entry)
    this.#count(standing, 1)
    this.#count(entry, -1)
    copy(standing, entry)
  }

  /** Has its turn behind all others. */
  renew (live: LiveRecord, now: number): void {
    const entry = live as Entry
    this.#change(entry)
    entry.lastAt = now
    unlink(entry)
    link(entry, this.#ends)
  }

  /** A row more, of so many steps. */
  append (live: LiveRecord, { segment, offset }: Place, steps: number, bytes: number, size: number): void {
    const entry = live as Entry
    this.#change(entry)
    if (entry.first === NOWHERE.segment) entry.first = segment
    entry.segment = segment
    entry.offset = offset
    entry.steps += steps
    entry.bytes += bytes
    entry.size += size
    this.#steps += bytes
    this.#rows += size
  }

  delete (live: LiveRecord): void {
    const entry = live as Entry
    this.#change(entry)
    this.#remove(entry)
  }

  added (segment: number, bytes: number): void { this.#segments = { last: segment, bytes: this.bytes + bytes } }
  removed (bytes: number): void { this.#segments = { last: this.last, bytes: this.bytes - bytes } }

  commit (): void {
    this.#committed = this.#segments
    this.#forgetChanges()
  }

  /** Back to the last commit; what had changed has its turn last. */
  rollback (): void {
    const changes = this.#before.slice(0, this.#changes)
    for (const { entry } of changes) if (this.#records.get(entry.id) === entry) this.#remove(entry)
    for (const { entry, wasThere, ...standing } of changes) {
      if (!wasThere) continue
      copy(standing, entry)
      this.#count(entry, 1)
      this.#records.set(entry.id, entry)
      link(entry, this.#ends)
    }
    this.#segments = this.#committed
    this.#forgetChanges()
  }

  #change (entry: Entry, wasThere = true): void {
    if (entry.isChanged) return
    entry.isChanged = true
    const before = this.#before[this.#changes++]
    if (before === undefined) { this.#before.push({ entry, wasThere, ...standingOf(entry) }); return }
    before.entry = entry
    before.wasThere = wasThere
    copy(entry, before)
  }

  #forgetChanges (): void {
    for (let i = 0; i < this.#changes; i++) {
      this.#before[i]!.entry.isChanged = false
      this.#before[i]!.entry = this.#ends
    }
    if (this.#before.length > KEPT) this.#before.length = KEPT
    this.#changes = 0
  }

  #remove (entry: Entry): void {
    this.#count(entry, -1)
    this.#records.delete(entry.id)
    unlink(entry)
  }

  #count ({ bytes, size }: RecordPosition, sign: 1 | -1): void {
    this.#steps += sign * bytes
    this.#rows += sign * size
  }
}

const standingOf = ({ first, segment, offset, lastAt, steps, bytes, size }: RecordPosition): RecordPosition =>
  ({ first, segment, offset, lastAt, steps, bytes, size })

function copy (from: Readonly<RecordPosition>, to: RecordPosition): void {
  to.first = from.first
  to.segment = from.segment
  to.offset = from.offset
  to.lastAt = from.lastAt
  to.steps = from.steps
  to.bytes = from.bytes
  to.size = from.size
}

/** As the newest. */
function link (entry: Entry, ends: Entry): void {
  entry.older = ends.older
  entry.newer = ends
  entry.older.newer = entry
  ends.older = entry
}

function unlink ({ older, newer }: Entry): void {
  older.newer = newer
  newer.older = older
}

/** @param now ms; steps of later, by a clock that was put back, came just now */
export function readIndex ({ recordSegments }: Pick<Tables, 'recordSegments'>, now: number): RecordIndex {
  const index = new RecordIndex()
  const records = new Map<string, RecordPosition>()
  for (const number of recordSegments.getKeys()) {
    const segment = recordSegments.getBinary(number)!
    index.added(number, segment.length)
    for (const { id, before, count, at, offset, bytes, size } of rowsOf(segment)) {
      if (count === 0) { records.delete(id); continue }
      const last = records.get(id)
      const known = last !== undefined && isAt(last, before) ? last : undefined // else it begins, was moved, or one is damaged
      records.set(id, {
        first: known?.first ?? number,
        segment: number,
        offset,
        lastAt: Math.min(1000 * at, now),
        steps: (known?.steps ?? 0) + count,
        bytes: (known?.bytes ?? 0) + bytes,
        size: (known?.size ?? 0) + size,
      })
    }
  }
  const turns = [...records].sort(([, a], [, b]) => a.lastAt - b.lastAt || (isBefore(a, b) ? -1 : 1))
  for (const [id, standing] of turns) index.put(index.begin(id), standing)
  index.commit()
  return index
}

const isAt = (a: Place, b: Place): boolean => a.segment === b.segment && a.offset === b.offset
