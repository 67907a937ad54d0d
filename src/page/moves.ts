import type { ContextDetail, ContextHistory, HistoryChange } from './api.js'

type Value = number | null
type Mode = ContextDetail['mode']
type Present = Pick<ContextDetail, 'key' | 'mode'> & { readonly pinnedAt: string | null }

/** A move of the threshold in force for a context, or of its mode; the other one stays. */
export interface Move {
  readonly time: string
  /** The context that was changed: this one, or one above it whose policy moved the mode. */
  readonly key: string
  readonly cause: string
  /** `null`: a move of the mode, which belongs to no epoch. */
  readonly epoch: Value
  readonly before: Value
  readonly after: Value
  readonly mode_before: Mode
  readonly mode_after: Mode
  readonly fields?: readonly string[]
  readonly by?: string
  readonly reason?: string
  readonly alarm?: HistoryChange['alarm']
}

type Row = Omit<Move, 'mode_before' | 'mode_after'> & { readonly modes: { readonly before: Mode, readonly after: Mode } | null }

/** Where stopping ends, the line ends this much later, s. */
const INSTANT = 0.001

/**
 * The moves of a context, oldest first, as far back as its own changes are known. Under a pin that is in force, learning moves
 * nothing.
 * @param present the context as it is now: its mode, and the key of its pin or its pool's
 */
export function movesOf ({ changes, modes, next }: ContextHistory, { key, mode: presentMode, pinnedAt }: Present): Move[] {
  const pin = changes.findIndex(({ cause }) => cause === 'pin')
  const sincePin = pinnedAt !== key ? 0 : pin === -1 ? changes.length : pin
  const own = changes.slice(sincePin).filter(({ before, after, mode_before: mode }) => mode === undefined || before !== after)
  const oldest = next === null ? '' : changes.at(-1)!.time
  const rows: Row[] = [
    ...own.map((change) => ({ ...change, key, modes: null })),
    ...modes.filter(({ time }) => time >= oldest)
      .map(({ before, after, ...move }) => ({ ...move, cause: 'policy', epoch: null, before: null, after: null, modes: { before, after } })),
  ].reverse().sort((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0)
  let threshold = own.at(-1)?.before ?? null
  let mode = modes.findLast(({ time }) => time >= oldest)?.before ?? modes.find(({ time }) => time < oldest)?.after ?? presentMode
  return rows.map(({ time, key, cause, epoch, before, after, modes, fields, by, reason, alarm }: Row) => {
    const isMoved = modes === null && before !== after
    const move = {
      time,
      key,
      cause,
      epoch,
      before: isMoved ? before : threshold,
      after: isMoved ? after : threshold,
      mode_before: mode,
      mode_after: modes?.after ?? mode,
      ...(fields !== undefined && { fields }),
      ...(by !== undefined && { by }),
      ...(reason !== undefined && { reason }),
      ...(alarm !== undefined && { alarm }),
    }
    threshold = move.after
    mode = move.mode_after
    return move
  })
}

/** The threshold that generations were stopped at before and after a move; `null`: none was, by the threshold or by the mode. */
export const stopsOf = ({ before, after, mode_before: from, mode_after: to }: Move): readonly [before: Value, after: Value] =>
  [from === 'enforce' ? before : null, to === 'enforce' ? after : null]

/**
 * Times, the threshold at which generations were stopped, and the last threshold where stopping ended. The line is drawn until there.
 * @param moves oldest first @param now s
 */
export function pointsOfMoves (moves: readonly Move[], now: number): [times: number[], thresholds: Value[], ends: Value[]] {
  const points: Array<readonly [time: number, threshold: Value, end: Value]> = []
  for (const move of moves) {
    const [before, after] = stopsOf(move)
    const at = Math.max(Date.parse(move.time) / 1000, (points.at(-1)?.[0] ?? 0) + INSTANT)
    if (after === null && before !== null) points.push([at, before, before], [at + INSTANT, null, null])
    else points.push([at, after, null])
  }
  if (points.length > 0) points.push([Math.max(now, points.at(-1)![0] + INSTANT), points.at(-1)![1], null])
  return [points.map(([time]) => time), points.map(([, value]) => value), points.map(([,, end]) => end)]
}
