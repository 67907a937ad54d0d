import { isotonicBlocks } from '../certificate/certified-threshold.js'
import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, type Evidence, grossSavedRatio, tokensSavedRatio } from '../certificate/evidence.js'

/** The evidence for the thresholds of one score. */
export interface ThresholdEvidence {
  readonly score: string
  readonly evidence: Evidence
  /** Thresholds, safest first. */
  readonly grid: readonly number[]
  /** ln of the E-value that certifies a threshold. */
  readonly bar: number
  /** Grid index of the threshold in force, -1 for none. */
  readonly index: number
  /** E-value of the drift detector for that threshold. */
  readonly suspicion: number
}

const NEVER = {
  threshold: null,
  tokens_saved_ratio: 0,
  tokens_saved_gross_ratio: 0,
  tokens_saved_low: 0,
  tokens_saved_high: 0,
  em_drop: 0,
  em_drop_low: 0,
  em_drop_high: 0,
  em_drop_predicted: 0,
  em_per_token_percent: null,
  generations_changed: 0,
  unprobed_ratio: 0,
  certified: true,
}

/**
 * The points of the curve: never stopping, then every threshold, safest first. Ratios and EM are fractions.
 * @param ceiling grid index of the loosest certified threshold
 */
export function curvePoints ({ evidence, grid, bar }: ThresholdEvidence, segments: readonly Segment[], ceiling: number) {
  const { generations, lost, gained, unprobed } = evidence
  const level = Math.exp(-bar)
  const stretches = segments.map(({ from, to }) =>
    ({ end: tokensSavedRatio(evidence, to), price: priceBetween(evidence, from, to, level) }))
  return [NEVER, ...grid.map((threshold, k) => {
    const saved = tokensSavedRatio(evidence, k)
    const drop = emDropInterval(differencesAt(evidence, k), level)
    const gross = grossSavedRatio(evidence, k)
    const tokens = savedInterval(generations, gross, level)
    return {
      threshold,
      tokens_saved_ratio: saved,
      tokens_saved_gross_ratio: gross,
      tokens_saved_low: tokens.low - (gross - saved),
      tokens_saved_high: tokens.high - (gross - saved),
      em_drop: emDrop(evidence, k),
      em_drop_low: drop.low,
      em_drop_high: drop.high,
      /** On the smoothed curve, see `segmentsOf`. */
      em_drop_predicted: predictedDrop(evidence, segments, k),
      /** Price of the tokens on the segment that leads here from safer thresholds. */
      em_per_token_percent: saved <= 0 ? null : stretches.find(({ end }) => end >= saved)?.price ?? null,
      /** Generations whose EM changes, for worse or better. */
      generations_changed: lost[k]! + gained[k]!,
      /** Share of generations that count as lost because they were not probed here. */
      unprobed_ratio: generations === 0 ? 0 : unprobed[k]! / generations,
      certified: k <= ceiling,
    }
  })]
}

/**
 * Interval of the true share of tokens saved, probes not counted (their cost is taken as seen), as if all generations were equally long.
 * The sum of the shares is enough for it: the log of a bet is concave, so a generation that saves a share s is at least as informative as
 * a fraction s of a generation that saves all and a fraction 1 - s of a generation that saves none.
 */
function savedInterval (generations: number, saved: number, level: number): { low: number, high: number } {
  const lost = generations * Math.max(0, saved)
  const { low, high } = emDropInterval({ lost, kept: generations - lost, gained: 0 }, level)
  return { low: Math.max(0, low), high }
}

/** EM (a fraction) that one more percent of the full run's tokens costs, with its interval. */
export interface Price { readonly estimate: number, readonly low: number, readonly high: number }

/** A segment of the smoothed curve, over which every percent of tokens costs the same. */
export interface Segment {
  /** Grid index of its safer end; -1: never stopping. */
  readonly from: number
  /** Grid index of its looser end. */
  readonly to: number
  /** Share of the full runs' tokens saved between its ends; above 0. */
  readonly saved: number
  /** EM lost per percent of the tokens. */
  readonly price: number
}

/**
 * The smoothed curve of net EM drop against tokens saved, from never stopping to the loosest threshold. Tokens saved increase along the
 * grid by construction, since a looser threshold is crossed no later. The net drop need not, since an answer may be wrong in between and
 * right again. If the score puts the safest stops first, however, the price of the next token increases. So the slopes between neighbours,
 * weighted by the tokens they save, are made non-decreasing (PAVA), which gives the greatest convex minorant of the curve.
 * If the true curve is convex, smoothing moves the estimate no further from it (Marshall 1970) and changes it by less than the noise
 * (Kiefer & Wolfowitz 1976). The smoothed curve lies below the observed one, so views show both.
 */
export function segmentsOf (evidence: Evidence): Segment[] {
  const steps: { from: number, to: number, saved: number, lost: number }[] = []
  let [from, lost] = [-1, 0]
  const savedAt = (k: number) => k === -1 ? 0 : tokensSavedRatio(evidence, k)
  const dropAt = (k: number) => k === -1 ? 0 : emDrop(evidence, k)
  for (let k = 0; k < evidence.tokens.length; k++) {
    lost += dropAt(k) - dropAt(k - 1)
    const saved = savedAt(k) - savedAt(from)
    if (saved <= 0) continue // A loss that saves nothing is charged to the next tokens saved.
    steps.push({ from, to: k, saved, lost });
    [from, lost] = [k, 0]
  }
  const blocks = isotonicBlocks(steps.map((step) => step.lost / step.saved), steps.map((step) => step.saved))
  return blocks.map((block) => ({ from: steps[block.from]!.from, to: steps[block.to]!.to, saved: block.weight, price: block.value / 100 }))
}

/** The net EM drop at a threshold by the smoothed curve, interpolated linearly within a segment. */
export function predictedDrop (evidence: Evidence, segments: readonly Segment[], k: number): number {
  let drop = 0
  let saved = Math.max(0, tokensSavedRatio(evidence, k))
  for (const segment of segments) {
    const part = Math.min(saved, segment.saved)
    drop += 100 * segment.price * part
    saved -= part
  }
  return drop
}

/**
 * The price of the tokens between two thresholds, with an anytime-valid interval. Only the counts at both ends are known, so the interval
 * assumes that the looser threshold loses and gains whatever the safer one does. The number of tokens counts as known.
 * @returns `null` for fewer than 30 generations or a thousandth of the tokens
 */
export function priceBetween (evidence: Evidence, from: number, to: number, level: number): Price | null {
  const saved = (tokensSavedRatio(evidence, to) - (from === -1 ? 0 : tokensSavedRatio(evidence, from)))
  if (evidence.generations < 30 || saved < 0.001) return null
  const lost = evidence.lost[to]! - (from === -1 ? 0 : evidence.lost[from]!)
  const gained = evidence.gained[to]! - (from === -1 ? 0 : evidence.gained[from]!)
  const [worse, better] = [Math.max(0, lost) + Math.max(0, -gained), Math.max(0, gained) + Math.max(0, -lost)]
  const percent = 100 * saved
  const { low, high } = emDropInterval({ lost: worse, kept: evidence.generations - worse - better, gained: better }, level)
  return { estimate: (worse - better) / evidence.generations / percent, low: low / percent, high: high / percent }
}
