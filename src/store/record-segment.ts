import { packedLength, packSteps, type Packing } from './packed-steps.js'

/** Where a row is: in which segment, and from which byte of it on. */
export interface Place { readonly segment: number, readonly offset: number }

/** Before the first row of a record. Segments are numbered from 1. */
export const NOWHERE: Place = { segment: 0, offset: 0 }

export const isBefore = (a: Place, b: Place): boolean => a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)

/** Whose steps a row has, where those before them are, how many they are (0: the record ends here), and when the last of them came, s. */
export interface RowHead { readonly id: string, readonly before: Place, readonly count: number, readonly at: number }

/** The steps as they are packed. */
export interface Row extends RowHead { readonly steps: Buffer }

/** A row without its steps: the bytes that these take up, and those of the whole row. */
export interface RowFound extends RowHead { readonly offset: number, readonly bytes: number, readonly size: number }

/** Who reads a row reads the whole segment it is in: what comes together is one segment until it is this long, bytes. */
const SEGMENT = 32 * 1024

/**
 * A row is words of four bytes, little endian: those of its head, its id, as bytes or as pairs of them, and its steps. The first word tells
 * it from what is none; a checksum is of the head and the id, another one, among them, of the steps.
 */
const HEAD = 32
const CHECKSUM = 4
const SIZE = 8
const BEFORE = 12
const AT = 20
const COUNT = 24
const STEPS_CHECKSUM = 28
/** In the upper half of the first word. In the lower one are the units of the id, and whether those are pairs. */
const MARK = 0x57e9

/** Writes rows into new segments. */
export class SegmentWriter {
  #number: number
  readonly #put: (number: number, segment: Buffer) => void
  #segment = Buffer.allocUnsafe(SEGMENT)
  #view = viewOf(this.#segment)
  #length = 0
  #bytes = 0

  /**
   * @param last number of the newest segment there is
   * @param put is to copy the segment, which is written over when it returns
   */
  constructor (last: number, put: (number: number, segment: Buffer) => void) {
    this.#number = last + 1
    this.#put = put
  }

  /** Of all rows so far. */
  get bytes (): number { return this.#bytes }

  /** As many steps of a batch as the head says, from one on. */
  append (head: RowHead, batch: Packing, from: number): Place {
    const to = from + head.count
    const start = this.#begin(head, packedLength(batch, from, to))
    packSteps(this.#view, start, batch, from, to)
    return this.#end(start)
  }

  /** Steps of other rows. */
  appendPacked (head: RowHead, steps: readonly Buffer[]): Place {
    const start = this.#begin(head, steps.reduce((sum, { length }) => sum + length, 0))
    let at = start
    for (const some of steps) at += some.copy(this.#segment, at)
    return this.#end(start)
  }

  appendEnd (id: string): void {
    this.#end(this.#begin({ id, before: NOWHERE, count: 0, at: 0 }, 0))
  }

  /** Puts what was not put yet. */
  end (): void {
    if (this.#length === 0) return
    this.#put(this.#number++, this.#segment.subarray(0, this.#length))
    this.#length = 0
  }

  /** Returns where its steps are to be written. */
  #begin ({ id, before, count, at }: RowHead, bytes: number): number {
    const isWide = !isLatin(id)
    const start = HEAD + idLength(id.length, isWide)
    const size = start + bytes
    if (this.#length + size > SEGMENT) this.end()
    this.#makeRoom(size)
    const offset = this.#length
    const view = this.#view
    view.setUint32(offset + start - 4, 0, true) // behind the id
    view.setUint32(offset, MARK << 16 | id.length << 1 | Number(isWide), true)
    view.setUint32(offset + SIZE, size, true)
    view.setUint32(offset + BEFORE, before.segment, true)
    view.setUint32(offset + BEFORE + 4, before.offset, true)
    view.setUint32(offset + AT, at, true)
    view.setUint32(offset + COUNT, count, true)
    for (let i = 0; i < id.length; i++) {
      if (isWide) view.setUint16(offset + HEAD + 2 * i, id.charCodeAt(i), true)
      else view.setUint8(offset + HEAD + i, id.charCodeAt(i))
    }
    return offset + start
  }

  /** @param start of its steps */
  #end (start: number): Place {
    const offset = this.#length
    const view = this.#view
    const size = view.getUint32(offset + SIZE, true)
    view.setUint32(offset + STEPS_CHECKSUM, checksum(view, start, offset + size), true)
    view.setUint32(offset + CHECKSUM, headChecksum(view, offset, start), true)
    this.#length += size
    this.#bytes += size
    return { segment: this.#number, offset }
  }

  /** For one row that is longer than a segment. */
  #makeRoom (size: number): void {
    if (this.#length + size <= this.#segment.length) return
    this.#segment = Buffer.allocUnsafe(size)
    this.#view = viewOf(this.#segment)
  }
}

/** As rows have it; no step came later. */
export const toSeconds = (ms: number): number => Math.ceil(ms / 1000)

/** Of LMDB's buffer as well, whose length is not that of its memory. */
const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView<ArrayBufferLike> => new DataView(buffer, byteOffset, length)

function isLatin (id: string): boolean {
  let all = 0
  for (let i = 0; i < id.length; i++) all |= id.charCodeAt(i)
  return all < 256
}

/** In bytes, up to the next word. */
const idLength = (units: number, isWide: boolean): number => (isWide ? 2 * units : units) + 3 & -4

/** Each turn of it is a bijection, so that a word that is damaged always shows. The constant is that of FNV-1a. */
function checksum (view: DataView, from: number, to: number, sum = 0): number {
  for (let at = from; at < to; at += 4) {
    sum = Math.imul(sum ^ view.getInt32(at, true), 0x01000193)
    sum ^= sum >>> 15
  }
  return sum >>> 0
}

const headChecksum = (view: DataView, from: number, to: number): number => checksum(view, from + SIZE, to, view.getInt32(from, true))

/** The row that begins there; undefined: none, or its head is damaged. Steps that are damaged are not there. */
export function rowAt (segment: Buffer, offset: number): Row | undefined {
  const view = viewOf(segment)
  const found = findRow(segment, view, offset)
  if (found === undefined) return undefined
  const end = offset + found.size
  const start = end - found.bytes
  const isWhole = view.getUint32(offset + STEPS_CHECKSUM, true) === checksum(view, start, end)
  return { ...found, steps: isWhole ? Buffer.from(segment.subarray(start, end)) : Buffer.alloc(0) }
}

/** All rows whose heads are whole, in order. There may be millions when a store is opened. */
export function * rowsOf (segment: Buffer): Iterable<RowFound> {
  const view = viewOf(segment)
  for (let offset = 0; offset < segment.length;) {
    const row = findRow(segment, view, offset)
    if (row !== undefined) yield row
    offset += row?.size ?? 4
  }
}

function findRow (segment: Buffer, view: DataView, offset: number): RowFound | undefined {
  if (!(offset >= 0 && offset + HEAD <= segment.length)) return undefined
  const first = view.getUint32(offset, true)
  const size = view.getUint32(offset + SIZE, true)
  const isWide = (first & 1) === 1
  const units = first >>> 1 & 0x7fff
  const start = HEAD + idLength(units, isWide)
  if (first >>> 16 !== MARK || size < start || size % 4 > 0 || offset + size > segment.length) return undefined
  if (view.getUint32(offset + CHECKSUM, true) !== headChecksum(view, offset, offset + start)) return undefined
  const at = offset + HEAD
  return {
    id: isWide ? segment.toString('utf16le', at, at + 2 * units) : segment.toString('latin1', at, at + units),
    before: { segment: view.getUint32(offset + BEFORE, true), offset: view.getUint32(offset + BEFORE + 4, true) },
    at: view.getUint32(offset + AT, true),
    count: view.getUint32(offset + COUNT, true),
    offset,
    bytes: size - start,
    size,
  }
}
