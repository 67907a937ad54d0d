import type { HistoryChange } from './api.js'

type Move = Pick<HistoryChange, 'time' | 'before' | 'after'>
type Value = number | null

/** After a withdrawal the line ends this much later, s. */
const INSTANT = 0.001

/**
 * Times, the threshold in force, and withdrawals at the threshold that they ended. The line is drawn until the withdrawal.
 * @param moves oldest first @param now s
 */
export function pointsOfMoves (moves: readonly Move[], now: number): [times: number[], thresholds: Value[], withdrawals: Value[]] {
  const points: Array<readonly [time: number, threshold: Value, withdrawn: Value]> = []
  for (const { time, before, after } of moves) {
    const at = Math.max(Date.parse(time) / 1000, (points.at(-1)?.[0] ?? 0) + INSTANT)
    if (after === null && before !== null) points.push([at, before, before], [at + INSTANT, null, null])
    else points.push([at, after, null])
  }
  if (points.length > 0) points.push([Math.max(now, points.at(-1)![0] + INSTANT), points.at(-1)![1], null])
  return [points.map(([time]) => time), points.map(([, value]) => value), points.map(([,, withdrawn]) => withdrawn)]
}
