import type { Rows } from './logistic-regression.js'
import { logOdds, relativeLength, standardised, type SignalScale } from './predictor.js'
import type { UsableSample } from './usable-samples.js'

/** Features that are not signals: 1, log-odds of the confidence, relative length, their product. */
export const BASE_FEATURES = 4
/** Index of the product among them. */
export const PRODUCT = 3

/**
 * Of the relative length, of predictors that are trained here. Held out, the older models' runs are forecast best with 0.5 to 0.7, the
 * reasoners' and the frontier models' with 0, all by little; thresholds save as much on the whole, a point more on AIME and one or two less
 * on GPQA than with 0.
 */
export const LENGTH_POWER = 0.5

/** Centre and scale of the two features that are no signals. Priors are on weights of standardised features. */
export interface FeatureScale {
  readonly odds: { readonly mean: number, readonly scale: number }
  readonly length: { readonly mean: number, readonly scale: number }
}

interface Moments { weight: number, sum: number, squares: number }

function standard ({ weight, sum, squares }: Moments): { mean: number, scale: number } {
  const mean = sum / weight
  const scale = Math.sqrt(Math.max(0, squares / weight - mean ** 2))
  return { mean, scale: scale > 1e-6 ? scale : 1 } // what never varies is left as it is: nothing but the ridge pulls at its weight
}

function lengthOf (tokens: number, logMedian: number): number {
  return relativeLength(tokens, { log_median: logMedian, length_power: LENGTH_POWER })
}

/** Means and deviations over the steps, weighted as the samples are. */
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
  return { odds: standard(odds), length: standard(length) }
}

/** The rows of one context's samples: a row a step, the steps of a generation weighing what it weighs; y = 1 where nothing was lost. */
export function featureRows (
  samples: readonly UsableSample[], logMedian: number, signals: readonly SignalScale[], { odds, length }: FeatureScale): Rows {
  const p = BASE_FEATURES + signals.length
  const count = samples.reduce((sum, { steps }) => sum + steps.length, 0)
  const rows = { x: new Float64Array(count * p), y: new Uint8Array(count), weight: new Float64Array(count) }
  let row = 0
  for (const { steps, weight } of samples) {
    for (const step of steps) {
      const at = row * p
      const sure = (logOdds(step.confidence) - odds.mean) / odds.scale
      const long = (lengthOf(step.tokens, logMedian) - length.mean) / length.scale
      rows.x.set([1, sure, long, sure * long], at)
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

/** Weights of the standardised features as weights of the plain ones, which a score is computed with. */
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
