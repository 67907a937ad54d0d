import { packedLength, packSteps, type Packing } from './packed-steps.js'

/** Where a row starts: the number of its segment, counted from 1, and the byte in it. */
export interface Place { readonly segment: number, readonly offset: number }

/** The place before the first row of a record. */
export const NOWHERE: Place = { segment: 0, offset: 0 }

export const isSame = (a: Place, b: Place): boolean => a.segment === b.segment && a.offset === b.offset
export const isBefore = (a: Place, b: Place): boolean => a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)

export interface RowHead {
  /** The generation that the steps belong to. */
  readonly id: string
  /** Place of the record's row before this one. */
  readonly before: Place
  /** Number of steps; 0: the record ends here. */
  readonly count: number
  /** When the last of the steps came, s. */
  readonly at: number
}

/** A row with its packed steps. */
export interface Row extends RowHead { readonly steps: Buffer }

/** A row without its steps: where it starts, the length of the packed steps and that of the whole row. */
export interface RowFound extends RowHead { readonly offset: number, readonly bytes: number, readonly size: number }

/** Length at which a segment is closed, bytes. Reading a row reads its whole segment. */
const SEGMENT = 32 * 1024

/**
 * A row is a head of little-endian words, the id in UTF-8 and the packed steps, each padded to whole words. These are the offsets in the
 * head; the word at 0 is the length of the row.
 */
const ID_LENGTH = 4
const BEFORE = 8
const AT = 16
const COUNT = 20
const HEAD = 24

/** Writes rows into new segments. */
export class SegmentWriter {
  #number: number
  readonly #put: (number: number, segment: Buffer) => void
  #segment = Buffer.allocUnsafe(SEGMENT)
  #view = viewOf(this.#segment)
  #length = 0
  #bytes = 0

  /**
   * @param last number of the newest segment
   * @param put stores a segment; it must copy the buffer, which is reused
   */
  constructor (last: number, put: (number: number, segment: Buffer) => void) {
    this.#number = last + 1
    this.#put = put
  }

  /** Length of all rows so far. */
  get bytes (): number { return this.#bytes }

  /** Writes `head.count` steps of a batch, starting at step `from`. */
  append (head: RowHead, batch: Packing, from: number): Place {
    const to = from + head.count
    const start = this.#begin(head, packedLength(batch, from, to))
    packSteps(this.#view, start, batch, from, to)
    return this.#end()
  }

  /** Writes the packed steps of other rows as one row. */
  appendPacked (head: RowHead, steps: readonly Buffer[]): Place {
    let at = this.#begin(head, steps.reduce((sum, { length }) => sum + length, 0))
    for (const some of steps) at += some.copy(this.#segment, at)
    return this.#end()
  }

  appendEnd (id: string): void {
    this.#begin({ id, before: NOWHERE, count: 0, at: 0 }, 0)
    this.#end()
  }

  /** Stores the last segment. */
  end (): void {
    if (this.#length === 0) return
    this.#put(this.#number++, this.#segment.subarray(0, this.#length))
    this.#length = 0
  }

  /** Writes the head and the id. Returns the offset of the steps. */
  #begin ({ id, before, count, at }: RowHead, bytes: number): number {
    const idLength = Buffer.byteLength(id)
    const start = HEAD + padded(idLength)
    const size = start + bytes
    if (this.#length + size > SEGMENT) this.end()
    this.#makeRoom(size)
    const offset = this.#length
    const view = this.#view
    view.setUint32(offset, size, true)
    view.setUint32(offset + ID_LENGTH, idLength, true)
    view.setUint32(offset + BEFORE, before.segment, true)
    view.setUint32(offset + BEFORE + 4, before.offset, true)
    view.setUint32(offset + AT, at, true)
    view.setUint32(offset + COUNT, count, true)
    this.#segment.write(id, offset + HEAD)
    return offset + start
  }

  #end (): Place {
    const offset = this.#length
    const size = this.#view.getUint32(offset, true)
    this.#length += size
    this.#bytes += size
    return { segment: this.#number, offset }
  }

  /** Replaces the buffer for a row that is longer than a segment. */
  #makeRoom (size: number): void {
    if (this.#length + size <= this.#segment.length) return
    this.#segment = Buffer.allocUnsafe(size)
    this.#view = viewOf(this.#segment)
  }
}

/** The time of a row. Rounded up, so that no step is younger. */
export const toSeconds = (ms: number): number => Math.ceil(ms / 1000)

/** LMDB's buffers can be longer than their memory, so the length is passed on. */
const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView<ArrayBufferLike> => new DataView(buffer, byteOffset, length)

const padded = (length: number): number => length + 3 & -4

/** All rows of a segment in order, up to the first one that is damaged. */
export function * rowsOf (segment: Buffer): Iterable<RowFound> {
  const view = viewOf(segment)
  for (let offset = 0, row; (row = rowAt(segment, view, offset)) !== undefined; offset += row.size) yield row
}

/**
 * The rows of a record, oldest first. A damaged row ends the search, and the steps before it are missing.
 * @param last place of the record's last row
 */
export function rowsOfRecord (segmentAt: (number: number) => Buffer | undefined, id: string, last: Place): Row[] {
  const rows: Row[] = []
  for (let place = last; place.segment !== NOWHERE.segment;) {
    const segment = segmentAt(place.segment)
    const row = segment && rowAt(segment, viewOf(segment), place.offset)
    if (segment === undefined || row === undefined || row.id !== id || row.count === 0) break
    const end = row.offset + row.size
    rows.push({ ...row, steps: Buffer.from(segment.subarray(end - row.bytes, end)) })
    if (!isBefore(row.before, place)) break // damaged: following it would never end
    place = row.before
  }
  return rows.reverse()
}

/** The row at an offset; undefined at the end of the segment and where there is no row. */
function rowAt (segment: Buffer, view: DataView, offset: number): RowFound | undefined {
  if (offset + HEAD > segment.length) return undefined
  const size = view.getUint32(offset, true)
  const idLength = view.getUint32(offset + ID_LENGTH, true)
  const bytes = size - HEAD - padded(idLength)
  if (bytes < 0 || offset + size > segment.length) return undefined
  return {
    id: segment.toString('utf8', offset + HEAD, offset + HEAD + idLength),
    before: { segment: view.getUint32(offset + BEFORE, true), offset: view.getUint32(offset + BEFORE + 4, true) },
    at: view.getUint32(offset + AT, true),
    count: view.getUint32(offset + COUNT, true),
    offset,
    bytes,
    size,
  }
}
