import { emDropInterval } from '../certificate/em-drop-interval.js'
import { emDrop, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import { predictedDrop, priceBetween, type Price, type Segment } from './segments.js'

/** Evidence under one score, and how it is judged. */
export interface Family {
  readonly score: string
  readonly evidence: Evidence
  /** Its thresholds, safest first. */
  readonly grid: readonly number[]
  /** ln of what E must reach. */
  readonly bar: number
  /** Grid index of the threshold its evidence has in force, -1 for none. */
  readonly index: number
  /** The drift detector's, of that threshold. */
  readonly suspicion: number
}

/** One point of the curve. Ratios and EM are fractions. */
export interface Point {
  /** `null`: never stopping. */
  readonly threshold: number | null
  readonly tokens_saved_ratio: number
  readonly tokens_saved_low: number
  readonly tokens_saved_high: number
  readonly em_drop: number
  readonly em_drop_low: number
  readonly em_drop_high: number
  /** Smoothed. */
  readonly em_drop_predicted: number
  /** What one more percent of tokens costs, over the segment that leads here from safer thresholds. */
  readonly em_per_token_percent: Price | null
  /** Generations that lose or win, on which the drop rests. */
  readonly generations_changed: number
  /** Of the generations, those counted as the worst case here. */
  readonly unprobed_ratio: number
  readonly certified: boolean
}

const NEVER: Point = {
  threshold: null,
  tokens_saved_ratio: 0,
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

/** Never stopping, then every threshold, safest first. @param ceiling grid index of the loosest that is certified */
export function pointsOf ({ evidence, grid, bar }: Family, segments: readonly Segment[], ceiling: number): Point[] {
  const { generations, lost, gained, unprobed } = evidence
  const level = Math.exp(-bar)
  const stretches = segments.map(({ from, to }) =>
    ({ end: tokensSavedRatio(evidence, to), price: priceBetween(evidence, from, to, level) }))
  return [NEVER, ...grid.map((threshold, k): Point => {
    const saved = tokensSavedRatio(evidence, k)
    const drop = emDropInterval(generations, lost[k]!, gained[k]!, level)
    const tokens = savedInterval(generations, saved, level)
    return {
      threshold,
      tokens_saved_ratio: saved,
      tokens_saved_low: tokens.low,
      tokens_saved_high: tokens.high,
      em_drop: emDrop(evidence, k),
      em_drop_low: drop.low,
      em_drop_high: drop.high,
      em_drop_predicted: predictedDrop(evidence, segments, k),
      em_per_token_percent: saved === 0 ? null : stretches.find(({ end }) => end >= saved)?.price ?? null,
      generations_changed: lost[k]! + gained[k]!,
      unprobed_ratio: generations === 0 ? 0 : unprobed[k]! / generations,
      certified: k <= ceiling,
    }
  })]
}

/**
 * Where the true share of tokens is. Only its sum is kept, and that is enough: the log of a bet is concave, so a generation that saves a
 * share s of its tokens tells at least as much as the part s of one that saves all and the part 1 - s of one that saves none. As if all
 * were equally long.
 */
function savedInterval (generations: number, saved: number, level: number): { low: number, high: number } {
  const { low, high } = emDropInterval(generations, generations * Math.max(0, saved), 0, level)
  return { low: Math.max(0, low), high }
}
