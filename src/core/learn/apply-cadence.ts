import type { Arm } from '../decide/arm.js'
import { addChecks, checksDue } from '../guards/cadences.js'
import { type ContextState, withSlices } from './context-state.js'
import { scoreOfEpoch, scoring } from '../scores/score.js'
import { representsGroup } from '../outcome/observed-stop.js'
import { type Policy, TOKENS } from '../policy/policy.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { cadenceAt } from './threshold-in-force.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'

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
  if (arm === null || state.rule.index === -1 || outcome.cancelled === true || !representsGroup(outcome)) return state
  if (state.epoch.meaning.score === TOKENS) return state // a treated generation asks once
  const policy = policyOf(fold.ledger, leaf) // workers ask at the leaf's cadence
  const asked = arm === 'treated' ? checksToStop(pending) : checksToCrossing(fold, pending, state, policy)
  if (asked === null) return state
  const cadence = cadenceAt(fold, leaf, state)
  const cadences = addChecks(state.guards.cadences, arm, asked.checks, checksDue(cadence, asked.tokens))
  const next = withSlices(state, { guards: { ...state.guards, cadences } })
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
  const score = scoreOfEpoch(state.epoch, fold.predictors)
  if (score === undefined) return null
  const scoreOf = scoring(score, leaf)
  const threshold = score.grid[state.rule.index]!
  let [checks, last] = [0, -1]
  for (const step of outcome.steps) {
    const { tokens } = step
    if (tokens !== last) checks++
    last = tokens
    if (tokens < minTokens) continue
    const score = scoreOf(step)
    if (score !== null && score >= threshold) return { checks, tokens }
  }
  return null
}
