/** Where a row is: in which segment, and from which byte of it on. */
export interface Place { readonly segment: number, readonly offset: number }

/** Before the first row of a record. Segments are numbered from 1. */
export const NOWHERE: Place = { segment: 0, offset: 0 }

/** Whose steps a row has, where the ones before them are, and how many they are. */
export interface RowHead { readonly id: string, readonly before: Place, readonly count: number }

/** The steps, encoded and joined by commas; `null`: the record ends here. */
export interface Row extends RowHead { readonly steps: string | null }

/** A row without its steps, and the bytes they take up; `null`: the record ends here. */
export interface RowFound extends RowHead { readonly place: Place, readonly bytes: number | null }

/** Rows that are written together, one value of the store: `[id, segment, offset, count]`, a tab, the steps, and the end of the line. */
export class RecordSegment {
  readonly number: number
  readonly #rows: string[] = []
  #bytes = 0

  constructor (number: number) { this.number = number }

  get bytes (): number { return this.#bytes }

  append ({ id, before: { segment, offset }, count, steps }: Row): Place {
    const text = `[${idText(id)},${segment},${offset},${count}]${steps === null ? '' : `\t${steps}`}\n`
    const place = { segment: this.number, offset: this.#bytes }
    this.#rows.push(text)
    this.#bytes += Buffer.byteLength(text)
    return place
  }

  encoded (): Buffer { return Buffer.from(this.#rows.join('')) }
}

/** JSON in ASCII. */
export const idText = (id: string): string =>
  JSON.stringify(id).replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const TAB = 9
const LINE_END = 10

/** The row that begins there; undefined: none, or it is damaged. */
export function rowAt (segment: Buffer, offset: number): Row | undefined {
  const end = segment.indexOf(LINE_END, offset)
  if (end === -1) return undefined
  const line = segment.subarray(offset, end)
  const tab = line.indexOf(TAB)
  const head = headIn(line.toString('latin1', 0, tab === -1 ? line.length : tab))
  return head && { ...head, steps: tab === -1 ? null : line.toString('utf8', tab + 1) }
}

/** All rows that are whole, with their places. There may be millions when a store is opened: what is not ASCII is not decoded. */
export function * rowsOf (segment: Buffer, number: number): Iterable<RowFound> {
  const text = segment.toString('latin1')
  for (let offset = 0, end; (end = text.indexOf('\n', offset)) !== -1; offset = end + 1) {
    const tab = text.slice(offset, end).indexOf('\t')
    const isEnd = tab === -1
    const head = headIn(text.slice(offset, isEnd ? end : offset + tab))
    if (head !== undefined) yield { ...head, place: { segment: number, offset }, bytes: isEnd ? null : end - offset - tab - 1 }
  }
}

function headIn (text: string): RowHead | undefined {
  try {
    const [id, segment, offset, count] = JSON.parse(text) as [string, number, number, number]
    return typeof id === 'string' && isCount(segment) && isCount(offset) && isCount(count) ? { id, before: { segment, offset }, count } : undefined
  } catch {
    return undefined
  }
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0
