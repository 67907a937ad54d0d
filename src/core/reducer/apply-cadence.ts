import type { Arm } from '../assignment/arm.js'
import { addChecks, checksDue } from '../contexts/cadences.js'
import { type ContextState, copyState } from '../contexts/context-state.js'
import { scoreOfState } from '../contexts/score.js'
import { representsGroup } from '../outcome/observed-stop.js'
import type { Policy } from '../policy/policy.js'
import { scorerFor, scoreStep } from '../predictor/predictor.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { cadenceAt, type Fold, policyOf } from './fold.js'

/** How often a generation asked up to a token count. */
interface Asked { readonly checks: number, readonly tokens: number }

/**
 * Compares how often treated generations ask up to their stop with how often control ones ask up to where they would have been stopped. Of
 * a group it counts one sample.
 * @param state of the context that gathers the evidence, as stored
 * @returns the state stored last
 */
export function applyCadence (fold: Fold, pending: PendingOutcome, arm: Arm | null, state: ContextState): ContextState {
  const { outcome, key, leaf } = pending
  if (arm === null || state.threshold_index === -1 || outcome.cancelled === true || !representsGroup(outcome)) return state
  const policy = policyOf(fold.ledger, leaf) // workers ask at the leaf's cadence
  const asked = arm === 'treated' ? checksToStop(pending) : checksToCrossing(fold, pending, state, policy)
  if (asked === null) return state
  const cadence = cadenceAt(fold, leaf, state)
  const next = copyState(state, { cadences: addChecks(state.cadences, arm, asked.checks, checksDue(cadence, asked.tokens)) })
  fold.set(key, next)
  return next
}

/** `null`: it was not stopped, or its worker does not say how often it asked. */
function checksToStop ({ outcome }: PendingOutcome): Asked | null {
  const { stopped, stopped_probe: probe, steps_asked: checks, tokens, answer_tokens: answer } = outcome
  if (!stopped || checks === undefined || checks === 0) return null
  return { checks, tokens: probe?.tokens ?? Math.max(0, tokens - answer) }
}

/** `null`: no step crosses the threshold in force, or its scorer is gone. */
function checksToCrossing (
  fold: Fold, { outcome, leaf }: PendingOutcome, state: ContextState, { min_tokens: minTokens }: Policy
): Asked | null {
  if (outcome.steps === null || !outcome.steps_complete) return null
  const score = scoreOfState(state, fold.predictors)
  if (score === undefined) return null
  const scorer = score.predictor === null ? null : scorerFor(score.predictor, leaf)
  const threshold = score.grid[state.threshold_index]!
  let [checks, last] = [0, -1]
  for (const { tokens, confidence, signals } of outcome.steps) {
    if (tokens !== last) checks++
    last = tokens
    if (tokens < minTokens || confidence === null) continue
    const score = scorer === null ? confidence : scoreStep(scorer, tokens, confidence, signals)
    if (score !== null && score >= threshold) return { checks, tokens }
  }
  return null
}
