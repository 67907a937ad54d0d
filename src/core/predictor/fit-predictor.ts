import type { Label } from '../policy/policy.js'
import { calibrationOf } from './calibration.js'
import { forecastHeldOut } from './forecast-held-out.js'
import { contextWeights, fitWeights, preprocess } from './preprocessing.js'
import type { Predictor } from './predictor.js'
import type { Sample } from './sample.js'
import { scoreGrid } from './score-grid.js'
import { usableSamples } from './usable-samples.js'

/** Generations that a fit needs at least. */
const MIN_GENERATIONS = 50
/** Generations with a step where stopping loses EM that a fit needs at least, and as many with a step where it does not. */
export const MIN_OF_EACH = 5

/**
 * Learns P(EM is not lost by stopping now) from control generations, by a logistic regression that shrinks the weights of each context
 * toward those of its parent. The same samples give the same predictor to the bit, whatever their order.
 * @returns `null` if there are fewer than `MIN_GENERATIONS` generations with this label, or fewer than `MIN_OF_EACH` of either kind
 */
export function fitPredictor (
  samples: readonly Sample[], { name, label, levels }: { readonly name: string, readonly label: Label, readonly levels: string }
): Predictor | null {
  const usable = usableSamples(samples, label)
  const countWith = (lost: 0 | 1) => usable.filter(({ steps }) => steps.some((step) => step.lost === lost)).length
  if (usable.length < MIN_GENERATIONS || countWith(1) < MIN_OF_EACH || countWith(0) < MIN_OF_EACH) return null
  const frame = preprocess(usable)
  const fit = fitWeights(frame, usable)
  const predictor = {
    name,
    label,
    levels,
    signals: frame.signals,
    contexts: contextWeights(frame, fit),
    trained: {
      generations: usable.length,
      steps: usable.reduce((sum, { steps }) => sum + steps.length, 0),
      groups: [...new Set(usable.map(({ u }) => u))].sort((a, b) => a - b),
    },
  }
  const calibration = calibrationOf(forecastHeldOut(frame, usable, fit))
  return { ...predictor, grid: scoreGrid(predictor, usable), ...(calibration && { calibration }) }
}
