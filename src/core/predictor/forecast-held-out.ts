import type { HeldOutForecast } from './calibration.js'
import { contextWeights, fitWeights, type Preprocessing } from './preprocessing.js'
import { scoreStep } from './predictor.js'
import type { TreeFit } from './fit-tree.js'
import type { UsableSample } from './usable-samples.js'

/** Folds of the cross-validation. */
const FOLDS = 5

/**
 * The fold of a group. All control draws have a `u` below the control share, so only the low bits of its 32 bits vary freely; the remainder
 * of a division by an odd number depends on them.
 */
export function foldOf (u: number): number {
  return Math.floor(u * 0x1_0000_0000) % FOLDS
}

/**
 * Scores each fold of the groups with weights fitted to the other folds. Scales, medians and the variances of the weights come from all
 * samples, since a single sample hardly moves them.
 * @param known the fit to all samples
 */
export function forecastHeldOut (frame: Preprocessing, samples: readonly UsableSample[], known: TreeFit): HeldOutForecast[] {
  const folds = Array.from({ length: FOLDS }, (_, fold) => samples.filter(({ u }) => foldOf(u) === fold))
  return folds.flatMap((held, fold) => {
    if (held.length === 0 || held.length === samples.length) return []
    const contexts = contextWeights(frame, fitWeights(frame, samples.filter(({ u }) => foldOf(u) !== fold), known))
    return held.flatMap(({ leaf, steps }) => {
      const scorer = { name: '', grid: [], signals: frame.signals, length_power: 0, ...contexts[leaf]! }
      return steps.map(({ tokens, confidence, signals, lost }): HeldOutForecast => ({
        predicted: scoreStep(scorer, tokens, confidence, signals)!, confidence, kept: lost === 1 ? 0 : 1, weight: 1 / steps.length,
      }))
    })
  })
}
