import { tokenCollapse } from './token-collapse.js'
import { highest, levelsOf, lossOf } from './level.js'
import { median } from '../predictor/median.js'
import { wilson, Z, type Reading } from './reading.js'
import { theilSen, type Slope } from './trend.js'
import { costlyShortening } from './costly-shortening.js'
import type { Tolerance, Verdict, VerdictName } from './verdict.js'

/** Checkpoints that verdicts are based on; older ones belong to another regime. */
const RECENT = 20
/** Numbers of checkpoints that overthinking is looked for in. */
const WINDOWS = [6, 9, 14]
const SAME_LEVEL = 0.003
/** A last checkpoint below this share of the median tokens indicates a cut that is too recent to show in the slope. */
const RECENT_CUT = 0.9
const PLATEAU = { fewest: 8, most: 12 }
/** A gain of EM that counts as progress, however few questions there are to measure it with. */
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
