import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, grossSavedRatio, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import { predictedDrop, priceBetween, type Price, type Segment } from './segments.js'

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

/** One point of the trade-off curve. Ratios and EM are fractions. */
export interface CurvePoint {
  /** `null`: never stopping. */
  readonly threshold: number | null
  readonly tokens_saved_ratio: number
  readonly tokens_saved_gross_ratio: number
  readonly tokens_saved_low: number
  readonly tokens_saved_high: number
  readonly em_drop: number
  readonly em_drop_low: number
  readonly em_drop_high: number
  /** On the smoothed curve, see `segmentsOf`. */
  readonly em_drop_predicted: number
  /** Price of the tokens on the segment that leads here from safer thresholds. */
  readonly em_per_token_percent: Price | null
  /** Generations whose EM changes, for worse or better. */
  readonly generations_changed: number
  /** Share of generations that count as lost because they were not probed here. */
  readonly unprobed_ratio: number
  readonly certified: boolean
}

const NEVER: CurvePoint = {
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
 * The points of the curve: never stopping, then every threshold, safest first.
 * @param ceiling grid index of the loosest certified threshold
 */
export function curvePoints ({ evidence, grid, bar }: ThresholdEvidence, segments: readonly Segment[], ceiling: number): CurvePoint[] {
  const { generations, lost, gained, unprobed } = evidence
  const level = Math.exp(-bar)
  const stretches = segments.map(({ from, to }) =>
    ({ end: tokensSavedRatio(evidence, to), price: priceBetween(evidence, from, to, level) }))
  return [NEVER, ...grid.map((threshold, k): CurvePoint => {
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
      em_drop_predicted: predictedDrop(evidence, segments, k),
      em_per_token_percent: saved <= 0 ? null : stretches.find(({ end }) => end >= saved)?.price ?? null,
      generations_changed: lost[k]! + gained[k]!,
      unprobed_ratio: generations === 0 ? 0 : unprobed[k]! / generations,
      certified: k <= ceiling,
    }
  })]
}

/**
 * Interval of the true share of tokens saved, probes not counted (their cost is taken as seen), as if all generations were equally long.
 * The sum of the shares is enough for it: the log of a bet is concave, so a generation that saves a share s is at least as informative as
 * a fraction s of one that saves all and a fraction 1 - s of one that saves none.
 */
function savedInterval (generations: number, saved: number, level: number): { low: number, high: number } {
  const lost = generations * Math.max(0, saved)
  const { low, high } = emDropInterval({ lost, kept: generations - lost, gained: 0 }, level)
  return { low: Math.max(0, low), high }
}
