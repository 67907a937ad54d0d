import type { Place } from './place-of-outcome.js'
import { cadenceAt } from './threshold-in-force.js'
import type { Fold } from './fold.js'
import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'
import { type Cadence, nextCheckTokens } from '../policy/policy.js'
import type { Predictor } from '../scores/predictor.js'

interface Usable { readonly outcome: LoggedOutcome, readonly areSignalsRefused: boolean }

/** The part of an outcome that can be used, and whether some of its signals were refused. */
export function usableOutcome (fold: Fold, reported: LoggedOutcome, place: Place): Usable {
  const usable = withUsableSteps(fold, reported, place)
  const outcome = refuseSignals(fold, place.leaf, usable)
  return { outcome, areSignalsRefused: outcome !== usable }
}

/** The outcome without steps that are not evidence: those of a treated generation, and those that cannot be complete. */
function withUsableSteps (fold: Fold, reported: LoggedOutcome, { leaf, key }: Place): LoggedOutcome {
  const isIncomplete = wasDueButNotAsked(fold, reported, leaf, key) // workers ask at the leaf's cadence
  const isBare = reported.arm === 'treated' && reported.steps !== null
  if (!isIncomplete && !isBare) return reported
  return { ...reported, steps_complete: !isIncomplete && reported.steps_complete, steps: isBare ? null : reported.steps }
}

/** An empty list means that the generation never asked, which cannot be true if it was long enough for more than one check. */
function wasDueButNotAsked (fold: Fold, { steps, tokens }: LoggedOutcome, leaf: string, key: string): boolean {
  if (steps?.length !== 0) return false
  return isTwiceDue(cadenceAt(fold, leaf, fold.get(key)), tokens)
}

/**
 * Whether a treated generation asked no more after its first step, since nothing could stop it then (see `isLeftAlone`). It is no example
 * of what a threshold does that came into force later.
 */
export function wasLeftAlone (
  fold: Fold, { stopped, steps_asked: asked, tokens, budget_tokens: budget }: LoggedOutcome, { leaf, key }: Place
): boolean {
  if (stopped || budget !== undefined || asked === undefined || asked > 1) return false
  return isTwiceDue(cadenceAt(fold, leaf, fold.get(key)), tokens)
}

/** Whether a generation is long enough for more than one check. */
function isTwiceDue (cadence: Cadence, tokens: number): boolean {
  return tokens >= nextCheckTokens(cadence, nextCheckTokens(cadence, 0))
}

const namesOf = new WeakMap<Predictor, ReadonlySet<string>>()

/**
 * Leaves out the signals of an outcome whose names are too many to be kept (see `SignalNames`). Returns the same outcome if there are none.
 * @param leaf context key of its leaf
 */
function refuseSignals ({ reservoir: { names }, predictors }: Fold, leaf: string, outcome: LoggedOutcome): LoggedOutcome {
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
