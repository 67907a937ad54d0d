import { fillHalves, stopsOf, type Trace } from '../certificate/evidence.js'
import type { Fold } from './fold.js'
import type { Arrival } from '../recording/pending.js'
import type { Policy } from '../policy/policy.js'
import { scorerFor, scoreStep, type Predictor } from '../predictor/predictor.js'
import { predictorOf, type Trial } from '../judgement/trial.js'

const groups = new WeakMap<Predictor, ReadonlySet<number>>()

/** Whether a predictor was trained on a generation's group. */
function isTrainedOn (predictor: Predictor, u: number): boolean {
  let known = groups.get(predictor)
  if (known === undefined) groups.set(predictor, known = new Set(predictor.trained.groups))
  return known.has(u)
}

/** The trace as a predictor scores it; `null` where it says nothing honest of it, having been trained on its group, or there is none. */
export function tracedBy (
  predictor: Predictor | undefined, { outcome, leaf }: Arrival, trace: Trace): { trace: Trace, grid: readonly number[] } | null {
  if (predictor === undefined || isTrainedOn(predictor, outcome.u)) return null
  const scorer = scorerFor(predictor, leaf)
  const steps = outcome.steps!.map(({ tokens, confidence, signals }, i) => ({
    ...trace.steps[i]!, score: scoreStep(scorer, tokens, confidence, signals),
  }))
  return { trace: { ...trace, steps }, grid: predictor.grid }
}

/** Takes a control outcome into the evidence for a predictor's thresholds, if it came after the trial began and its group is new to it. */
export function learnTrial (fold: Fold, trial: Trial, arrival: Arrival, trace: Trace, policy: Policy): Trial {
  const predictor = predictorOf(trial, fold.predictors)
  if (predictor === undefined || arrival.time < trial.since) return trial
  const traced = tracedBy(predictor, arrival, trace)
  if (traced === null) return { ...trial, trained_on: trial.trained_on + 1 }
  const stops = stopsOf(traced.trace, policy.min_tokens, traced.grid)
  return { ...trial, halves: fillHalves(trial.halves, traced.trace, stops, policy.evidence_window) }
}
