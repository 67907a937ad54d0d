import type { Forecast } from './calibration.js'
import { contextWeights, fitFrame, type Frame } from './frame.js'
import { scoreStep } from './predictor.js'
import type { TreeFit } from './shrink.js'
import type { UsableSample } from './usable-samples.js'

/** Parts that groups are split into to forecast each from the others. */
const FOLDS = 5

/**
 * The part that a group falls in. The `u` of control draws is below their share: what its 32 bits say beyond that is in the low ones, and
 * a remainder by an odd number takes them in.
 */
export function foldOf (u: number): number {
  return Math.floor(u * 0x1_0000_0000) % FOLDS
}

/**
 * Scores each fifth of the groups by what the others teach. Scales, medians and the variances of the weights are those of all samples,
 * which hardly know a single one.
 * @param known the fit to all of them
 */
export function forecastHeldOut (frame: Frame, samples: readonly UsableSample[], known: TreeFit): Forecast[] {
  const folds = Array.from({ length: FOLDS }, (_, fold) => samples.filter(({ u }) => foldOf(u) === fold))
  return folds.flatMap((held, fold) => {
    if (held.length === 0 || held.length === samples.length) return []
    const contexts = contextWeights(frame, fitFrame(frame, samples.filter(({ u }) => foldOf(u) !== fold), known))
    return held.flatMap(({ leaf, steps }) => {
      const scorer = { name: '', grid: [], signals: frame.signals, length_power: 0, ...contexts[leaf]! }
      return steps.map(({ tokens, confidence, signals, lost }): Forecast => ({
        predicted: scoreStep(scorer, tokens, confidence, signals)!, confidence, kept: lost === 1 ? 0 : 1, weight: 1 / steps.length,
      }))
    })
  })
}
