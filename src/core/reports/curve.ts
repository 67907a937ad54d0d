import { emDropInterval } from '../stats/em-drop-interval.js'
import { differencesAt, emDrop, type Evidence, grossSavedRatio, tokensSavedRatio } from '../stats/evidence.js'

/** The evidence for the thresholds of one score. */
export interface ThresholdEvidence {
  readonly score: string
  readonly accounted: Evidence
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
  generations_changed: 0,
  unprobed_ratio: 0,
  certified: true,
}

/**
 * The points of the curve: never stopping, then every threshold, safest first. Ratios and EM are fractions.
 * @param ceiling grid index of the loosest certified threshold
 */
export function curvePoints ({ accounted: evidence, grid, bar }: ThresholdEvidence, segments: readonly Segment[], ceiling: number) {
  const { generations, lost, gained, unprobed } = evidence
  const level = Math.exp(-bar)
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

/** A segment of the smoothed curve, over which every token costs the same. */
export interface Segment {
  /** Grid index of its safer end; -1: never stopping. */
  readonly from: number
  /** Grid index of its looser end. */
  readonly to: number
  /** Share of the full runs' tokens saved between its ends; above 0. */
  readonly saved: number
  /** EM lost per share of the tokens saved. */
  readonly slope: number
}

/** Neighbours `from`..`to` (inclusive) that share one value, their weighted mean. */
interface Block { readonly from: number, readonly to: number, readonly value: number, readonly weight: number }

/**
 * The non-decreasing sequence nearest to `values` by weighted least squares, as blocks: neighbours out of order are pooled until none is
 * left (pool adjacent violators: Barlow, Bartholomew, Bremner & Brunk 1972; Robertson, Wright & Dykstra 1988, section 1.2).
 * The last of the original values in a block is never above the value of the block.
 * @param weights positive
 */
export function isotonicBlocks (values: readonly number[], weights: readonly number[]): Block[] {
  const blocks: Block[] = []
  for (const [i, value] of values.entries()) {
    let block: Block = { from: i, to: i, value, weight: weights[i]! }
    while (blocks.length > 0 && blocks.at(-1)!.value >= block.value) {
      const before = blocks.pop()!
      const weight = before.weight + block.weight
      block = { from: before.from, to: block.to, value: (before.value * before.weight + block.value * block.weight) / weight, weight }
    }
    blocks.push(block)
  }
  return blocks
}

/**
 * The smoothed curve of net EM drop against tokens saved, from never stopping to the loosest threshold. Tokens saved increase along the
 * grid by construction, since a looser threshold is crossed no later. The net drop need not, since an answer may be wrong in between and
 * right again. If the score puts the safest stops first, however, each token saved costs more than the one before. So the slopes between
 * neighbours, weighted by the tokens they save, are made non-decreasing (PAVA), which gives the greatest convex minorant of the curve.
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
  return blocks.map(({ from, to, value, weight }) =>
    ({ from: steps[from]!.from, to: steps[to]!.to, saved: weight, slope: value }))
}

/** The net EM drop at a threshold by the smoothed curve, interpolated linearly within a segment. */
export function predictedDrop (evidence: Evidence, segments: readonly Segment[], k: number): number {
  let drop = 0
  let saved = Math.max(0, tokensSavedRatio(evidence, k))
  for (const segment of segments) {
    const part = Math.min(saved, segment.saved)
    drop += segment.slope * part
    saved -= part
  }
  return drop
}
