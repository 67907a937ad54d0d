import { BLOCK, highest, levelOf, levelsOf, type Level } from './level.js'
import { scatterOf, Z, type Reading } from './reading.js'
import type { Verdict } from './verdict.js'

/** Tokens have collapsed if at most this share of them is left. */
const COLLAPSED = 0.8
/** Tokens have not begun to fall while at least this share of the maximum is left. */
const UNFALLEN = 0.9
/** One-sided 95 % and 99 % points of the normal distribution. */
const [Z95, Z99] = [1.645, 2.326]

/**
 * Looks for a collapse of tokens: `length_hacking` if EM fell with them, `tokens_collapsed` if it did not. An evaluation with few questions
 * cannot show that EM did not fall, so `tokens_collapsed` requires that a fall would have been visible.
 * @param recent by step
 * @param maxEmDrop a fraction
 */
export function tokenCollapse (recent: readonly Reading[], maxEmDrop: number): Verdict | null {
  const before = startOfFall(recent.slice(0, -2))
  const last = recent.slice(-2)
  if (before === undefined || last.some(({ tokens }) => tokens > COLLAPSED * before.tokens)) return null
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
  // A fall m that is not measurable (m < 1.645 s), where twice max_em_drop a would be (m + 1.645 s < 2 a), is below a.
  const isBlind = change - Z95 * stderr <= -2 * maxEmDrop
  return isBlind || change < -Z95 * stderr ? null : { verdict: 'tokens_collapsed', figures }
}

/** The last level before tokens fell, rather than the one with the most tokens: EM may have risen in between, which would hide its fall. */
function startOfFall (earlier: readonly Reading[]): Level | undefined {
  const levels = levelsOf(earlier)
  const most = highest(levels, 'tokens')
  if (most === undefined) return undefined
  const isUnfallen = (_: Level, i: number) => earlier.slice(i, i + BLOCK).every(({ tokens }) => tokens >= UNFALLEN * most.tokens)
  return levels.findLast(isUnfallen) ?? most
}
