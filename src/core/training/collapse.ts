import { BLOCK, highest, levelOf, levelsOf, type Level } from './level.js'
import { scatterOf, Z, type Reading } from './reading.js'
import type { Verdict } from './verdict.js'

/** Of the tokens before, what is left at most. */
const COLLAPSE = 0.8
/** Of the most there were: what has not begun to fall. */
const UNFALLEN = 0.9
/** One-sided 95 % and 99 % points of the normal distribution. */
const [Z95, Z99] = [1.645, 2.326]

/**
 * Tokens that have collapsed, with EM where it was or fallen. Few questions show no fall whatever happens, so that none is seen is good
 * news only where one would have been.
 */
export function collapse (recent: readonly Reading[], maxEmDrop: number): Verdict | null {
  const before = startOfFall(recent.slice(0, -2))
  const last = recent.slice(-2)
  if (before === undefined || last.some(({ tokens }) => tokens > COLLAPSE * before.tokens)) return null
  const after = levelOf(last, scatterOf(recent.map(({ em }) => em)))
  const change = after.em - before.em
  const stderr = Math.hypot(after.stderr, before.stderr)
  const figures = {
    tokens_before: before.tokens,
    tokens_now: after.tokens,
    em_before: before.em,
    before_step: before.step,
    em_now: after.em,
    em_change: change,
    em_change_low: change - Z * stderr,
    em_change_high: change + Z * stderr,
  }
  if (change < -Z99 * stderr) return { verdict: 'length_hacking', figures }
  // What is not measurable and would have been seen at twice max_em_drop is less than that: m < 1.645 s and m + 1.645 s < 2 a, so m < a.
  const isBlind = change - Z95 * stderr <= -2 * maxEmDrop
  return isBlind || change < -Z95 * stderr ? null : { verdict: 'tokens_collapsed', figures }
}

/** The last level before tokens fell: EM may have won since they were at their highest what the fall then costs. */
function startOfFall (earlier: readonly Reading[]): Level | undefined {
  const levels = levelsOf(earlier)
  const most = highest(levels, 'tokens')
  if (most === undefined) return undefined
  const isUnfallen = (_: Level, i: number) => earlier.slice(i, i + BLOCK).every(({ tokens }) => tokens >= UNFALLEN * most.tokens)
  return levels.findLast(isUnfallen) ?? most
}
