import { median } from '../scores/features.js'
import { type Slope, theilSen, usualGap } from './forecast.js'
import { BLOCK, highest, type Level, levelOf, levelsOf, lossOf, type Reading, scatterOf, wilson, Z } from './readings.js'
import type { Tolerance, Verdict, VerdictName } from './run.js'

/** Checkpoints that verdicts are based on; older ones belong to another regime. */
const RECENT = 20
/** Numbers of checkpoints that overthinking is looked for in. */
const WINDOWS = [6, 9, 14]
const SAME_LEVEL = 0.003
/** A last checkpoint below this share of the median tokens indicates a cut that is too recent to show in the slope. */
const RECENT_CUT = 0.9
const PLATEAU = { fewest: 8, most: 12 }
/** A gain of EM that counts as progress, however few questions measure it. */
const RELEVANT_GAIN = 0.05
/** Verdicts that rule out a plateau, since EM is falling or limited by truncation. */
const NOT_LEVEL: ReadonlySet<VerdictName> = new Set(['overthinking', 'truncation', 'length_hacking', 'costly_shortening'])
/** One-sided 95 % point of the normal distribution. */
const Z95 = 1.645

/** All verdicts on the newest checkpoints of a suite; see `VERDICTS` for what each one tests. @param readings by step */
export function verdictsOf (readings: readonly Reading[], tolerance: Tolerance): Verdict[] {
  const recent = readings.slice(-RECENT)
  const { max_em_drop: maxEmDrop } = tolerance
  const found = [
    overthinking(recent), tokenCollapse(recent, maxEmDrop), truncation(recent, maxEmDrop), sameLevel(recent), plateau(recent),
    costlyShortening(recent, tolerance),
  ].filter((verdict) => verdict !== null)
  return found.some(({ verdict }) => NOT_LEVEL.has(verdict)) ? found.filter(({ verdict }) => verdict !== 'plateau') : found
}

function slopeOf (readings: readonly Reading[], field: 'em' | 'tokens', level: number): Slope | null {
  return theilSen(readings.map(({ step }) => step), readings.map((reading) => reading[field]), level)
}

function overthinking (recent: readonly Reading[]): Verdict | null {
  for (const size of WINDOWS) {
    if (recent.length < size) break
    const window = recent.slice(-size)
    const em = slopeOf(window, 'em', 0.05 / WINDOWS.length)
    const tokens = slopeOf(window, 'tokens', 0.05 / WINDOWS.length)
    if (em === null || tokens === null || em.high >= 0 || tokens.low <= 0) continue
    const turn = highest(levelsOf(recent), 'em')!
    return {
      verdict: 'overthinking',
      figures: { checkpoints: size, em_best: turn.em, turned_at_step: turn.step, ...now(recent), ...ends('em', em), ...ends('tokens', tokens) },
    }
  }
  return null
}

function truncation (recent: readonly Reading[], maxEmDrop: number): Verdict | null {
  const last = recent.at(-1)
  if (last === undefined || last.truncated === null) return null
  const { low } = wilson(last.truncated, last.n, Z95)
  const loss = lossOf(recent)
  if (low <= Math.max(loss, maxEmDrop)) return null
  return { verdict: 'truncation', figures: { truncated_rate: last.truncated, truncated_rate_low: low, em_loss: loss, max_em_drop: maxEmDrop } }
}

function sameLevel (recent: readonly Reading[]): Verdict | null {
  const [before, last] = recent.slice(-2)
  if (before === undefined || last === undefined) return null
  const change = last.em - before.em
  const stderr = Math.hypot(before.stderr, last.stderr)
  if (Math.abs(change) > Math.min(SAME_LEVEL, stderr) + 1e-12) return null // 0.703 - 0.7 exceeds 0.003 in binary arithmetic.
  return { verdict: 'same_level', figures: { em_change: change, em_change_stderr: stderr, before_step: before.step } }
}

function plateau (recent: readonly Reading[]): Verdict | null {
  const window = recent.slice(-PLATEAU.most)
  if (window.length < PLATEAU.fewest) return null
  const em = slopeOf(window, 'em', 0.05)!
  const steps = window.at(-1)!.step - window[0]!.step
  const measurable = Math.min(RELEVANT_GAIN, Z * Math.SQRT2 * median(window.map(({ stderr }) => stderr)))
  if (em.low > 0 || em.high < 0 || em.high * steps >= measurable) return null
  if (lossOf(recent) >= measurable) return null
  const tokens = slopeOf(window, 'tokens', 0.05)!
  const isShortening = tokens.high < 0 || recent.at(-1)!.tokens < RECENT_CUT * median(window.map((one) => one.tokens))
  const mayOverthink = tokens.low > 0 && em.slope < 0
  if (isShortening || mayOverthink) return null
  return { verdict: 'plateau', figures: { checkpoints: window.length, ...now(recent), ...ends('em', em), em_gain_high: em.high * steps, em_measurable: measurable } }
}

function now (recent: readonly Reading[]): Record<string, number> {
  const { em, tokens } = recent.at(-1)!
  return { em_now: em, tokens_now: tokens }
}

function ends (name: string, { slope, low, high }: Slope): Record<string, number> {
  return { [`${name}_slope`]: slope, [`${name}_slope_low`]: low, [`${name}_slope_high`]: high }
}

/** Tokens have collapsed if at most this share of them is left. */
const COLLAPSED = 0.8
/** Tokens have not begun to fall while at least this share of the maximum is left. */
const UNFALLEN = 0.9
/** One-sided 95 % and 99 % points of the normal distribution. */
const [COLLAPSE_Z95, Z99] = [1.645, 2.326]

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
  const isBlind = change - COLLAPSE_Z95 * stderr <= -2 * maxEmDrop
  return isBlind || change < -COLLAPSE_Z95 * stderr ? null : { verdict: 'tokens_collapsed', figures }
}

/** The last level before tokens fell, rather than the one with the most tokens: EM may have risen in between, which would hide its fall. */
function startOfFall (earlier: readonly Reading[]): Level | undefined {
  const levels = levelsOf(earlier)
  const most = highest(levels, 'tokens')
  if (most === undefined) return undefined
  const isUnfallen = (_: Level, i: number) => earlier.slice(i, i + BLOCK).every(({ tokens }) => tokens >= UNFALLEN * most.tokens)
  return levels.findLast(isUnfallen) ?? most
}

/** Checkpoints that the slopes are fitted to. */
const WINDOW = 9

/**
 * Tests whether training shortens responses at too high a cost: tokens and EM fall together, and the next cut, as large as the recent ones,
 * is predicted to cost more EM than the policy allows.
 * @param recent by step
 */
export function costlyShortening (recent: readonly Reading[], { max_em_drop: maxEmDrop }: Tolerance): Verdict | null {
  const window = recent.slice(-WINDOW)
  const steps = window.map(({ step }) => step)
  const tokens = theilSen(steps, window.map(({ tokens }) => tokens))
  if (tokens === null || tokens.high >= 0) return null
  const logs = window.map(({ tokens }) => Math.log(Math.max(tokens, 1)))
  const cut = theilSen(steps, logs)!.slope * usualGap(steps)
  const rate = theilSen(logs, window.map(({ em }) => em), 0.02)
  if (rate === null || rate.low <= 0) return null
  const cost = -rate.slope * cut
  const perPercent = -rate.slope * Math.log(0.99)
  const loss = lossOf(recent)
  if (loss + cost <= maxEmDrop) return null
  return {
    verdict: 'costly_shortening',
    figures: {
      checkpoints: window.length,
      next_cut_ratio: -Math.expm1(cut),
      next_em_cost: cost,
      em_per_percent_of_tokens: perPercent,
      em_loss: loss,
      em_loss_predicted: loss + cost,
      max_em_drop: maxEmDrop,
      em_now: recent.at(-1)!.em,
      tokens_now: recent.at(-1)!.tokens,
    },
  }
}
