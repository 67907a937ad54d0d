import { promisify } from 'node:util'
import { deflateRaw, inflateRaw } from 'node:zlib'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** A row of the list of stops: of the decision, of its outcome, or of both, where a worker decided by itself. */
export interface StopRow {
  /** When it was decided, or when its outcome arrived, ms. */
  readonly at: number
  /** The id under which the generation is stored. */
  readonly id: string
  /** Key of the generation's context, and of the context that the threshold comes from. */
  readonly context: string
  readonly source: string
  readonly tokens: number
  /** `null`: the outcome does not state it, since this service decided, or a worker does not say. */
  readonly decision: StopDecision | null
  /** `null`: the row is of the decision. */
  readonly outcome: StopOutcome | null
}

export interface StopDecision {
  readonly score: number
  readonly scorer: string
  readonly threshold: number
  readonly version: number
}

export interface StopOutcome {
  /** Of the served answer; `null`: it had no label then. */
  readonly em: 0 | 1 | null
  /** Of the whole generation. */
  readonly tokens: number
  /** Whether the served answer is the probed one; `null`: they cannot be compared. */
  readonly isAsProbed: boolean | null
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
  readonly tokens: number[]
  /** `null`: the row has no decision. */
  readonly scorer: Array<number | null>
  readonly score: Array<number | null>
  readonly threshold: Array<number | null>
  readonly version: Array<number | null>
  /** Tokens of the outcome; `null`: the row has none. */
  readonly served: Array<number | null>
  readonly em: Array<0 | 1 | null>
  readonly probed: Array<0 | 1 | null>
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
    tokens: rows.map(({ tokens }) => tokens),
    scorer: rows.map(({ decision }) => decision && numberOf(decision.scorer)),
    score: rows.map(({ decision }) => decision && Math.round(decision.score * PRECISION) / PRECISION),
    threshold: rows.map(({ decision }) => decision && decision.threshold),
    version: rows.map(({ decision }) => decision && decision.version),
    served: rows.map(({ outcome }) => outcome && outcome.tokens),
    em: rows.map(({ outcome }) => outcome && outcome.em),
    probed: rows.map(({ outcome }) => outcome === null || outcome.isAsProbed === null ? null : outcome.isAsProbed ? 1 : 0),
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
      tokens: columns.tokens[i]!,
      decision: decisionAt(columns, i),
      outcome: outcomeAt(columns, i),
    }))
  } catch { return [] }
}

function decisionAt ({ texts, scorer, score, threshold, version }: Columns, i: number): StopDecision | null {
  if (scorer[i] === null) return null
  return { scorer: texts[scorer[i]!]!, score: score[i]!, threshold: threshold[i]!, version: version[i]! }
}

function outcomeAt ({ served, em, probed }: Columns, i: number): StopOutcome | null {
  if (served[i] === null) return null
  return { tokens: served[i]!, em: em[i]!, isAsProbed: probed[i] === null ? null : probed[i] === 1 }
}
