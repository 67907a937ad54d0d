import { promisify } from 'node:util'
import { deflateRaw, inflateRaw } from 'node:zlib'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** A stop, as the decision log keeps it. */
export interface StopRow {
  readonly at: number
  /** The id under which the generation is stored. */
  readonly id: string
  /** Key of the generation's context, and of the context that the threshold comes from. */
  readonly context: string
  readonly source: string
  readonly tokens: number
  /** Whether the row is of an outcome that came to this process, which did not decide the stop: a worker or another process did. */
  readonly isReported: boolean
  /** `null`: the outcome does not state the threshold. */
  readonly score: number | null
  readonly scorer: string | null
  readonly threshold: number | null
  readonly version: number | null
}

/** Digits of a score that are kept. */
const PRECISION = 1e6

/** Rows as columns, since a compressor finds more in them. Times are differences; texts that repeat are numbered. */
interface Columns {
  readonly at: number[]
  readonly id: string[]
  readonly texts: string[]
  readonly context: number[]
  readonly source: number[]
  readonly scorer: Array<number | null>
  readonly tokens: number[]
  /** 1: it is reported. */
  readonly reported: number[]
  readonly score: Array<number | null>
  readonly threshold: Array<number | null>
  readonly version: Array<number | null>
}

/** Encodes rows in the order of time. Compression runs in another thread. */
export async function encodeStops (rows: readonly StopRow[]): Promise<Uint8Array> {
  const numbers = new Map<string, number>()
  const numberOf = (text: string): number => {
    const known = numbers.get(text) ?? numbers.size
    numbers.set(text, known)
    return known
  }
  const columns: Columns = {
    at: rows.map(({ at }, i) => i === 0 ? at : at - rows[i - 1]!.at),
    id: rows.map(({ id }) => id),
    context: rows.map(({ context }) => numberOf(context)),
    source: rows.map(({ source }) => numberOf(source)),
    scorer: rows.map(({ scorer }) => scorer === null ? null : numberOf(scorer)),
    tokens: rows.map(({ tokens }) => tokens),
    reported: rows.map(({ isReported }) => Number(isReported)),
    score: rows.map(({ score }) => score === null ? null : Math.round(score * PRECISION) / PRECISION),
    threshold: rows.map(({ threshold }) => threshold),
    version: rows.map(({ version }) => version),
    texts: [...numbers.keys()],
  }
  return await deflate(JSON.stringify(columns))
}

/** Decodes rows; none if they are damaged. */
export async function decodeStops (bytes: Uint8Array): Promise<StopRow[]> {
  try {
    const columns = JSON.parse((await inflate(bytes)).toString()) as Columns
    let time = 0
    const times = columns.at.map((difference) => { time += difference; return time })
    return times.map((at, i) => ({
      at,
      id: columns.id[i]!,
      context: columns.texts[columns.context[i]!]!,
      source: columns.texts[columns.source[i]!]!,
      scorer: columns.scorer[i] === null ? null : columns.texts[columns.scorer[i]!]!,
      tokens: columns.tokens[i]!,
      isReported: columns.reported[i] === 1,
      score: columns.score[i]!,
      threshold: columns.threshold[i]!,
      version: columns.version[i]!,
    }))
  } catch { return [] }
}
