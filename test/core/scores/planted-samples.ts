import { LENGTH_POWER } from '../../../src/core/scores/features.js'
import { logOdds, relativeLength } from '../../../src/core/decide/scorer.js'
import type { Sample, SampleStep } from '../../../src/core/scores/sample.js'
import { mulberry32 } from '../../random.js'

/** The true model of a context: `weights` of 1, log-odds of the confidence, relative length, their product and the signal `hint`. */
export interface Truth {
  readonly leaf: string
  readonly generations: number
  readonly weights: readonly number[]
  readonly median?: number
}

/** Generations whose losses follow a known logistic model. The signal `hint` is part of the model, and `noise` is not. */
export function plantedSamples (seed: number, truths: readonly Truth[], steps = 4): Sample[] {
  const random = mulberry32(seed)
  return truths.flatMap(({ leaf, generations, weights, median = 1000 }) => Array.from({ length: generations }, (): Sample => {
    const tokens = Math.round(median * Math.exp(random() - 0.5))
    let least = 0
    return {
      u: random(),
      leaf,
      label: 'exact_match',
      tokens,
      steps: Array.from({ length: steps }, (_, i): SampleStep => {
        const confidence = least + (1 - least) * random() // Rising, so that a threshold may stop at every step.
        least = confidence
        const at = Math.round(tokens * (i + 1) / steps)
        const odds = logOdds(confidence)
        const length = relativeLength(at, { log_median: Math.log(median), length_power: LENGTH_POWER })
        const hint = 2 * random() - 1
        const z = [1, odds, length, odds * length, hint].reduce((sum, x, j) => sum + x * (weights[j] ?? 0), 0)
        return { tokens: at, confidence, signals: { hint, noise: random() }, lost: random() < 1 / (1 + Math.exp(-z)) ? 0 : 1 }
      }),
    }
  }))
}
