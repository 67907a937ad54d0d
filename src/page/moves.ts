import type { HistoryChange } from './api.js'

const ROOT = '*'

type Move = Pick<HistoryChange, 'key' | 'time' | 'before' | 'after' | 'mode_before' | 'mode_after'>
type Value = number | null
export interface Stops { readonly stoppedBefore: Value, readonly stoppedAfter: Value }

/** Where stopping ends, the line ends this much later, s. */
const INSTANT = 0.001

/**
 * The moves of a context, oldest first. A change of the mode above it moves no threshold here.
 * @param changes newest first
 */
export function movesOf<C extends Move> (key: string, changes: readonly C[]): C[] {
  let threshold = changes.findLast((change) => change.key === key)?.before ?? null
  return changes.toReversed().map((change) => {
    if (change.key !== key) return { ...change, before: threshold, after: threshold }
    threshold = change.after
    return change
  })
}

/**
 * The threshold that generations were stopped at before each move and after it; `null`: none was, by the threshold or by the mode. Mode
 * `off` at the root overrides all others.
 * @param moves oldest first
 */
export function stopsOfMoves<M extends Move> (moves: readonly M[]): Array<M & Stops> {
  const [atRoot, below] = [moves.filter(({ key }) => key === ROOT), moves.filter(({ key }) => key !== ROOT)]
    .map((some) => some.find(({ mode_before: mode }) => mode !== undefined)?.mode_before)
  let isOff = atRoot === 'off'
  let mode = below ?? (isOff ? 'enforce' : atRoot ?? 'enforce')
  const isStopping = () => mode === 'enforce' && !isOff
  return moves.map((move) => {
    const { key, before, after, mode_after: changed } = move
    const wasStopping = isStopping()
    if (changed !== undefined && key === ROOT) isOff = changed === 'off'
    if (changed !== undefined && (key !== ROOT || (below === undefined && !isOff))) mode = changed
    return { ...move, stoppedBefore: wasStopping ? before : null, stoppedAfter: isStopping() ? after : null }
  })
}

/**
 * Times, the threshold at which generations were stopped, and the last threshold where stopping ended. The line is drawn until there.
 * @param moves oldest first @param now s
 */
export function pointsOfMoves (moves: readonly Move[], now: number): [times: number[], thresholds: Value[], ends: Value[]] {
  const points: Array<readonly [time: number, threshold: Value, end: Value]> = []
  for (const { time, stoppedBefore: before, stoppedAfter: after } of stopsOfMoves(moves)) {
    const at = Math.max(Date.parse(time) / 1000, (points.at(-1)?.[0] ?? 0) + INSTANT)
    if (after === null && before !== null) points.push([at, before, before], [at + INSTANT, null, null])
    else points.push([at, after, null])
  }
  if (points.length > 0) points.push([Math.max(now, points.at(-1)![0] + INSTANT), points.at(-1)![1], null])
  return [points.map(([time]) => time), points.map(([, value]) => value), points.map(([,, end]) => end)]
}
