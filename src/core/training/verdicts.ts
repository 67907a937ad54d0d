import { highest, levelOf, levelsOf } from './level.js'
import { median, scatterOf, wilson, Z, type Reading } from './reading.js'
import { usualGap } from './forecast.js'
import { theilSen, type Slope } from './trend.js'

/** What may be said of a suite's newest checkpoints, and what each of these tests. */
export const VERDICTS = {
  overthinking: 'EM falls while tokens rise: both slopes are on their side of 0 over the last 6, 9 or 14 checkpoints, at a level of 0.05 over the three (Sen 1968, Bonferroni)',
  tokens_collapsed: 'The last two checkpoints use a fifth fewer tokens than three on end did before, and EM has not fallen measurably, nor by more than max_em_drop (good)',
  length_hacking: 'The last two checkpoints use a fifth fewer tokens than three on end did before, and EM has fallen: z below -2.33, one-sided level 0.01',
  truncation: 'More responses are cut off at the token limit (lower end of Wilson\'s 90 % interval) than EM was lost since its best level, and than max_em_drop: a larger limit may be all that is missing',
  same_level: 'EM is that of the checkpoint before, within 0.3 points and within the standard error of the difference',
  plateau: 'Over the last 8 to 12 checkpoints the slope of EM may be 0 (level 0.05), and even at its upper end they gained less than two evaluations could tell apart (1.96 standard errors of a difference): further training of this suite buys nothing measurable',
  unfavourable: 'Tokens are falling and EM with them (slopes of both over the last 9, levels 0.05 and 0.02): the next cut is predicted to leave EM more than max_em_drop below its best level',
} as const

export type VerdictName = keyof typeof VERDICTS

export interface Verdict {
  readonly verdict: VerdictName
  /** What it rests on: EM and rates are fractions, slopes are by step. */
  readonly figures: Readonly<Record<string, number>>
}

/** Checkpoints looked at: a level from before is another regime. */
const RECENT = 20
const WINDOWS = [6, 9, 14]
const COLLAPSE = 0.8
const SAME_LEVEL = 0.003
const PLATEAU = { fewest: 8, most: 12 }
const TRADE_WINDOW = 9
/** One-sided 95 % and 99 % points of the normal distribution. */
const [Z95, Z99] = [1.645, 2.326]

/**
 * What the newest checkpoints of a suite say together.
 * @param maxEmDrop EM that the policy is willing to lose, a fraction
 */
export function verdictsOf (readings: readonly Reading[], maxEmDrop: number): Verdict[] {
  const recent = readings.slice(-RECENT)
  const found: Array<Verdict | null> = [
    overthinking(recent), collapse(recent, maxEmDrop), truncation(recent, maxEmDrop), sameLevel(recent), plateau(recent),
    unfavourable(recent, maxEmDrop),
  ]
  return found.filter((verdict) => verdict !== null)
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

function collapse (recent: readonly Reading[], maxEmDrop: number): Verdict | null {
  const before = highest(levelsOf(recent.slice(0, -2)), 'tokens')
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
  return change < -Z95 * stderr || change < -maxEmDrop ? null : { verdict: 'tokens_collapsed', figures }
}

function truncation (recent: readonly Reading[], maxEmDrop: number): Verdict | null {
  const last = recent.at(-1)
  if (last === undefined || last.truncated === null) return null
  const { low } = wilson(last.truncated, last.n, Z95)
  const loss = emLoss(recent)
  if (low <= Math.max(loss, maxEmDrop)) return null
  return { verdict: 'truncation', figures: { truncated_rate: last.truncated, truncated_rate_low: low, em_loss: loss, max_em_drop: maxEmDrop } }
}

function sameLevel (recent: readonly Reading[]): Verdict | null {
  const [before, last] = recent.slice(-2)
  if (before === undefined || last === undefined) return null
  const change = last.em - before.em
  const stderr = Math.hypot(before.stderr, last.stderr)
  if (Math.abs(change) > Math.min(SAME_LEVEL, stderr) + 1e-12) return null // 0.703 - 0.7 is more than 0.003 in binary
  return { verdict: 'same_level', figures: { em_change: change, em_change_stderr: stderr, before_step: before.step } }
}

function plateau (recent: readonly Reading[]): Verdict | null {
  const window = recent.slice(-PLATEAU.most)
  if (window.length < PLATEAU.fewest) return null
  const em = slopeOf(window, 'em', 0.05)!
  const steps = window.at(-1)!.step - window[0]!.step
  const measurable = Z * Math.SQRT2 * median(window.map(({ stderr }) => stderr))
  if (em.low > 0 || em.high < 0 || em.high * steps >= measurable) return null
  return { verdict: 'plateau', figures: { checkpoints: window.length, ...now(recent), ...ends('em', em), em_gain_high: em.high * steps, em_measurable: measurable } }
}

function unfavourable (recent: readonly Reading[], maxEmDrop: number): Verdict | null {
  const window = recent.slice(-TRADE_WINDOW)
  const tokens = slopeOf(window, 'tokens', 0.05)
  if (tokens === null || tokens.high >= 0) return null
  const logs = window.map(({ tokens }) => Math.log(Math.max(tokens, 1)))
  const steps = window.map(({ step }) => step)
  const cut = theilSen(steps, logs)!.slope * usualGap(steps)
  const rate = theilSen(logs, window.map(({ em }) => em), 0.02)
  if (rate === null || rate.low <= 0) return null
  const cost = -rate.slope * cut
  const loss = emLoss(recent)
  if (loss + cost <= maxEmDrop) return null
  return {
    verdict: 'unfavourable',
    figures: {
      checkpoints: window.length,
      next_cut_ratio: -Math.expm1(cut),
      next_em_cost: cost,
      em_loss: loss,
      em_loss_predicted: loss + cost,
      max_em_drop: maxEmDrop,
      ...now(recent),
    },
  }
}

/** What the last checkpoint has less than the best level before it. */
function emLoss (recent: readonly Reading[]): number {
  const best = highest(levelsOf(recent.slice(0, -1)), 'em')
  return best === undefined ? 0 : Math.max(0, best.em - recent.at(-1)!.em)
}

function now (recent: readonly Reading[]): Record<string, number> {
  const { em, tokens } = recent.at(-1)!
  return { em_now: em, tokens_now: tokens }
}

function ends (name: string, { slope, low, high }: Slope): Record<string, number> {
  return { [`${name}_slope`]: slope, [`${name}_slope_low`]: low, [`${name}_slope_high`]: high }
}
