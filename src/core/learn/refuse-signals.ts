import type { LoggedOutcome, LoggedStep } from '../grading/outcome.js'
import type { Predictor } from '../predictor/predictor.js'
import type { Fold } from './fold.js'

const namesOf = new WeakMap<Predictor, ReadonlySet<string>>()

/**
 * Leaves out the signals of an outcome whose names are too many to be kept (see `SignalNames`). Returns the same outcome if there are none.
 * @param leaf context key of its leaf
 */
export function refuseSignals ({ reservoir: { names }, predictors }: Fold, leaf: string, outcome: LoggedOutcome): LoggedOutcome {
  const isScored = (name: string) => [...predictors.values()].some((predictor) => signalsOf(predictor).has(name))
  const refused = names.refused(leaf, outcome.steps, isScored)
  if (refused.size === 0) return outcome
  return { ...outcome, steps: outcome.steps!.map((step) => without(step, refused)) }
}

function signalsOf (predictor: Predictor): ReadonlySet<string> {
  let names = namesOf.get(predictor)
  if (names === undefined) namesOf.set(predictor, names = new Set(predictor.signals.map(({ name }) => name)))
  return names
}

function without ({ signals, ...step }: LoggedStep, refused: ReadonlySet<string>): LoggedStep {
  const kept = Object.entries(signals ?? {}).filter(([name]) => !refused.has(name))
  return kept.length === 0 ? step : { ...step, signals: Object.fromEntries(kept) }
}
