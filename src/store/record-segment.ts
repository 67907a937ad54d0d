/** Where a row is: in which segment, and from which byte of it on. */
export interface Place { readonly segment: number, readonly offset: number }

/** Before the first row of a record. Segments are numbered from 1. */
export const NOWHERE: Place = { segment: 0, offset: 0 }

export const isBefore = (a: Place, b: Place): boolean => a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)

/** Whose steps a row has, where the ones before them are, how many they are, and when the last of them came, s. */
export interface RowHead { readonly id: string, readonly before: Place, readonly count: number, readonly at: number }

/** The steps, encoded and joined by commas, those that came together in one text; `null`: the record ends here. */
export interface Row extends RowHead { readonly steps: readonly string[] | null }

/** A row without its steps: the bytes that these take up, `null` if the record ends here, and those of the whole row. */
export interface RowFound extends RowHead { readonly place: Place, readonly bytes: number | null, readonly size: number }

/** Who reads a row reads the whole segment it is in: what comes together is one segment until it is this long, bytes. */
const SEGMENT = 32 * 1024

/** Writes rows into new segments: `[id, segment, offset, count, at]`, each text of steps behind a tab, and the end of the line. */
export class SegmentWriter {
  #number: number
  readonly #put: (number: number, segment: Buffer) => void
  #rows: string[] = []
  #length = 0
  #bytes = 0

  /** @param last number of the newest segment there is */
  constructor (last: number, put: (number: number, segment: Buffer) => void) {
    this.#number = last + 1
    this.#put = put
  }

  /** Of all rows so far. */
  get bytes (): number { return this.#bytes }

  append ({ id, before: { segment, offset }, count, at, steps }: Row): Place {
    const text = `[${idText(id)},${segment},${offset},${count},${at}]${(steps ?? []).map((some) => `\t${some}`).join('')}\n`
    const bytes = Buffer.byteLength(text)
    if (this.#length + bytes > SEGMENT) this.end()
    const place = { segment: this.#number, offset: this.#length }
    this.#rows.push(text)
    this.#length += bytes
    this.#bytes += bytes
    return place
  }

  /** Puts what was not put yet. */
  end (): void {
    if (this.#length === 0) return
    this.#put(this.#number++, Buffer.from(this.#rows.join('')))
    this.#rows = []
    this.#length = 0
  }
}

/** As rows have it; no step came later. */
export const toSeconds = (ms: number): number => Math.ceil(ms / 1000)

/** JSON in ASCII. */
const idText = (id: string): string =>
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
  if (head === undefined) return undefined
  const { id, before, count, at } = head
  return { id, before, count, at, steps: tab === -1 ? null : line.toString('utf8', tab + 1).split('\t') }
}

/** All rows that are whole, with their places. There may be millions when a store is opened: what is not ASCII is not decoded. */
export function * rowsOf (segment: Buffer, number: number): Iterable<RowFound> {
  const text = segment.toString('latin1')
  for (let offset = 0, tab = -1, end; (end = text.indexOf('\n', offset)) !== -1; offset = end + 1) {
    if (tab < offset) tab = text.indexOf('\t', offset)
    if (tab === -1) tab = text.length // looked for once, however many records end here
    const isEnd = tab > end
    const head = headIn(text.slice(offset, isEnd ? end : tab))
    if (head === undefined) continue
    const { id, before, count, at } = head // as `...head` it takes ten times as long
    yield { id, before, count, at, place: { segment: number, offset }, bytes: isEnd ? null : end - tab - 1, size: end + 1 - offset }
  }
}

function headIn (text: string): RowHead | undefined {
  try {
    const [id, segment, offset, count, at] = JSON.parse(text) as [string, number, number, number, number]
    const isWhole = typeof id === 'string' && isCount(segment) && isCount(offset) && isCount(count) && isCount(at)
    return isWhole ? { id, before: { segment, offset }, count, at } : undefined
  } catch {
    return undefined
  }
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0
