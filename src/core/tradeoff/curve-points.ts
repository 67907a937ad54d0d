import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, grossSavedRatio, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import { predictedDrop, priceBetween, type Segment } from './segments.js'

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
 * a fraction s of one that saves all and a fraction 1 - s of one that saves none.
 */
function savedInterval (generations: number, saved: number, level: number): { low: number, high: number } {
  const lost = generations * Math.max(0, saved)
  const { low, high } = emDropInterval({ lost, kept: generations - lost, gained: 0 }, level)
  return { low: Math.max(0, low), high }
}
