import type { Rows } from './logistic-regression.js'
import { logOdds, relativeLength, standardised, type SignalScale } from './predictor.js'
import type { UsableSample } from './usable-samples.js'

/** The number of features that are not signals: the constant 1, the log-odds of the confidence, the relative length and their product. */
export const BASE_FEATURES = 4
/** Index of the product feature. */
export const PRODUCT = 3

/**
 * Power of the relative length in predictors trained here. On held-out runs, 0.5 to 0.7 forecasts older models best, and 0 forecasts
 * reasoners and frontier models best, all by small margins. Thresholds save as many tokens overall as with 0: one point more on AIME, one
 * or two points less on GPQA.
 */
export const LENGTH_POWER = 0.5

/** Mean and scale of the log-odds and of the relative length. Priors apply to the weights of standardised features. */
export interface FeatureScale {
  readonly odds: { readonly mean: number, readonly scale: number }
  readonly length: { readonly mean: number, readonly scale: number }
}

interface Moments { weight: number, sum: number, squares: number }

function meanAndScale ({ weight, sum, squares }: Moments): { mean: number, scale: number } {
  const mean = sum / weight
  const scale = Math.sqrt(Math.max(0, squares / weight - mean ** 2))
  return { mean, scale: scale > 1e-6 ? scale : 1 } // A constant feature is left unscaled: only the ridge acts on its weight.
}

function lengthOf (tokens: number, logMedian: number): number {
  return relativeLength(tokens, { log_median: logMedian, length_power: LENGTH_POWER })
}

/** Means and standard deviations over all steps; the steps of a sample share its weight. */
export function featureScale (samples: readonly UsableSample[], logMedians: ReadonlyMap<string, number>): FeatureScale {
  const odds: Moments = { weight: 0, sum: 0, squares: 0 }
  const length: Moments = { weight: 0, sum: 0, squares: 0 }
  const add = (moments: Moments, value: number, weight: number) => {
    moments.weight += weight
    moments.sum += weight * value
    moments.squares += weight * value * value
  }
  for (const { leaf, steps, weight } of samples) {
    for (const { tokens, confidence } of steps) {
      add(odds, logOdds(confidence), weight / steps.length)
      add(length, lengthOf(tokens, logMedians.get(leaf)!), weight / steps.length)
    }
  }
  return { odds: meanAndScale(odds), length: meanAndScale(length) }
}

/** The rows of one context: one row per step, the steps of a sample share its weight, and y = 1 where stopping lost nothing. */
export function featureRows (
  samples: readonly UsableSample[], logMedian: number, signals: readonly SignalScale[], { odds, length }: FeatureScale): Rows {
  const p = BASE_FEATURES + signals.length
  const count = samples.reduce((sum, { steps }) => sum + steps.length, 0)
  const rows = { x: new Float64Array(count * p), y: new Uint8Array(count), weight: new Float64Array(count) }
  let row = 0
  for (const { steps, weight } of samples) {
    for (const step of steps) {
      const at = row * p
      const standardOdds = (logOdds(step.confidence) - odds.mean) / odds.scale
      const standardLength = (lengthOf(step.tokens, logMedian) - length.mean) / length.scale
      rows.x.set([1, standardOdds, standardLength, standardOdds * standardLength], at)
      for (const [i, signal] of signals.entries()) {
        const value = step.signals?.[signal.name]
        if (value !== undefined && Number.isFinite(value)) rows.x[at + BASE_FEATURES + i] = standardised(value, signal)
      }
      rows.y[row] = 1 - step.lost
      rows.weight[row++] = weight / steps.length
    }
  }
  return rows
}

/** Converts weights of standardised features into weights of plain features, which `scoreStep` uses. */
export function plainWeights (weights: Float64Array, { odds, length }: FeatureScale): number[] {
  const product = weights[PRODUCT]! / (odds.scale * length.scale)
  return [
    weights[0]! - weights[1]! * odds.mean / odds.scale - weights[2]! * length.mean / length.scale + product * odds.mean * length.mean,
    weights[1]! / odds.scale - product * length.mean,
    weights[2]! / length.scale - product * odds.mean,
    product,
    ...weights.slice(BASE_FEATURES),
  ]
}
