import { promisify } from 'node:util'
import { deflateRaw, inflateRawSync } from 'node:zlib'
import { type EndedDay, fromNumbers, SAVINGS_NUMBERS, type SavingsSums, toNumbers } from '../../core/stats/index.js'
import { inTurns } from './in-turns.js'

const deflate = promisify(deflateRaw)

/** The sums of some contexts as columns, since a compressor finds more in them: their keys, and one column for each number. */
interface Columns {
  readonly keys: readonly string[]
  readonly numbers: ReadonlyArray<readonly number[]>
}

/** Contexts in a piece: few enough that decoding one takes a millisecond or less. */
const PIECE = 256

/** Encodes an ended day as text: pieces of compressed columns in Base64, one a line. Compression runs in another thread. */
export async function encodeDay ({ contexts }: EndedDay): Promise<string> {
  const rows = [...contexts].sort(([a], [b]) => a < b ? -1 : 1)
  const pieces = Array.from({ length: Math.ceil(rows.length / PIECE) }, (_, i) => rows.slice(i * PIECE, (i + 1) * PIECE))
  const texts = await inTurns(pieces, (piece) => JSON.stringify(columnsOf(piece)))
  return (await Promise.all(texts.map(async (text) => (await deflate(text)).toString('base64')))).join('\n')
}

function columnsOf (rows: ReadonlyArray<readonly [key: string, sums: SavingsSums]>): Columns {
  const numbers = rows.map(([, sums]) => toNumbers(sums))
  return { keys: rows.map(([key]) => key), numbers: Array.from({ length: SAVINGS_NUMBERS }, (_, i) => numbers.map((row) => row[i]!)) }
}

/** The sums by context; `null`: a piece is damaged. */
export async function decodeDay (text: string): Promise<ReadonlyMap<string, SavingsSums> | null> {
  const pieces = await inTurns(text.split('\n'), decodePiece)
  return pieces.every((piece) => piece !== null) ? new Map(pieces.flat()) : null
}

/** Whether all pieces of a day can be read. */
export function isDay (text: string): boolean { return text.split('\n').every((piece) => decodePiece(piece) !== null) }

function decodePiece (piece: string): Array<[key: string, sums: SavingsSums]> | null {
  try {
    const columns = JSON.parse(inflateRawSync(Buffer.from(piece, 'base64')).toString()) as Columns
    if (!areColumns(columns)) return null
    const { keys, numbers } = columns
    return keys.map((key, row) => [key, fromNumbers((i) => numbers[i]![row]!)])
  } catch { return null }
}

function areColumns ({ keys, numbers }: Columns): boolean {
  return keys.every((key) => typeof key === 'string') && numbers.length === SAVINGS_NUMBERS &&
    numbers.every((column) => column.length === keys.length && column.every(Number.isFinite))
}
