/** Where a row is: in which segment, and from which byte of it on. */
export interface Place { readonly segment: number, readonly offset: number }

/** Before the first row of a record. Segments are numbered from 1. */
export const NOWHERE: Place = { segment: 0, offset: 0 }

/** Some steps of one generation, encoded and joined by commas, and where the ones before them are; `steps: null`: the record ends here. */
export interface Row { readonly id: string, readonly before: Place, readonly steps: string | null }

/** Rows that are written together, one value of the store: `[id, segment, offset]`, a tab, the steps, and the end of the line. */
export class RecordSegment {
  readonly number: number
  readonly #rows: string[] = []
  #bytes = 0

  constructor (number: number) { this.number = number }

  get bytes (): number { return this.#bytes }

  append ({ id, before: { segment, offset }, steps }: Row): Place {
    const text = `[${JSON.stringify(id)},${segment},${offset}]${steps === null ? '' : `\t${steps}`}\n`
    const place = { segment: this.number, offset: this.#bytes }
    this.#rows.push(text)
    this.#bytes += Buffer.byteLength(text)
    return place
  }

  encoded (): Buffer { return Buffer.from(this.#rows.join('')) }
}

const TAB = 9
const LINE_END = 10

/** The row that begins there; undefined: none, or it is damaged. */
export function rowAt (segment: Buffer, offset: number): Row | undefined {
  const end = segment.indexOf(LINE_END, offset)
  return end === -1 ? undefined : rowIn(segment.subarray(offset, end))
}

/** All rows that are whole, with their places. */
export function * rowsOf (segment: Buffer, number: number): Iterable<Row & { place: Place }> {
  for (let offset = 0, end; (end = segment.indexOf(LINE_END, offset)) !== -1; offset = end + 1) {
    const row = rowIn(segment.subarray(offset, end))
    if (row !== undefined) yield { ...row, place: { segment: number, offset } }
  }
}

function rowIn (line: Buffer): Row | undefined {
  const tab = line.indexOf(TAB)
  try {
    const [id, segment, offset] = JSON.parse(line.toString('utf8', 0, tab === -1 ? line.length : tab)) as unknown[]
    if (typeof id !== 'string' || !Number.isInteger(segment) || !Number.isInteger(offset)) return undefined
    return { id, before: { segment: segment as number, offset: offset as number }, steps: tab === -1 ? null : line.toString('utf8', tab + 1) }
  } catch {
    return undefined
  }
}
