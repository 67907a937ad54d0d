import type { Label } from '../policy/policy.js'
import { calibrationOf } from './calibration.js'
import { forecastHeldOut } from './forecast-held-out.js'
import { contextWeights, fitFrame, frameOf } from './frame.js'
import type { Predictor } from './predictor.js'
import type { Sample } from './sample.js'
import { scoreGrid } from './score-grid.js'
import { usableSamples } from './usable-samples.js'

/** Too little to learn from: fewer generations than this, */
const LEAST_GENERATIONS = 50
/** or fewer than this that show a step where something would have been lost, or none. */
export const LEAST_OF_EACH = 5

/**
 * Learns P(EM is not lost by stopping now) from control generations: a logistic regression whose weights are shrunk, context by context,
 * toward the parent's. The same samples give the same predictor to the bit, in whatever order they come.
 * @returns `null` where there is too little to learn from: under 50 generations of the label, or under 5 in which stopping would have
 *   lost something at some step, or under 5 in which it would not
 */
export function fitPredictor (
  samples: readonly Sample[], { name, label, levels }: { readonly name: string, readonly label: Label, readonly levels: string }
): Predictor | null {
  const usable = usableSamples(samples, label)
  const showing = (lost: 0 | 1) => usable.filter(({ steps }) => steps.some((step) => step.lost === lost)).length
  if (usable.length < LEAST_GENERATIONS || showing(1) < LEAST_OF_EACH || showing(0) < LEAST_OF_EACH) return null
  const frame = frameOf(usable)
  const fit = fitFrame(frame, usable)
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
