import type { EnrolledUnit } from '../evidence/enrolled-unit.js'
import { scoreOfEpoch, scoring } from '../scores/score.js'
import { stopsOf } from '../stats/trace.js'
import type { ContextState } from './context-state.js'
import { areStopsReal } from './count-generation.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { thresholdInForce } from './threshold-in-force.js'
import { isTrainedOn } from './units-of-outcome.js'

/**
 * Tokens that stopping would have spared in a sample of a control member; `null`: it does not count. Cancelled samples, those without
 * complete steps and those that the scorer was trained on do not.
 * @param state of the context that gathers the evidence, as stored
 */
export function sparedTokens (fold: Fold, pending: PendingOutcome, member: EnrolledUnit, state: ContextState, time: number): number | null {
  const { outcome, leaf } = pending
  if (outcome.stopped || outcome.arm === 'treated' || member.share === 1) return null
  if (!areStopsReal(policyOf(fold.ledger, leaf), thresholdInForce(fold, leaf, time))) return null
  return tokensAfterCrossing(fold, pending, state)
}

/** Tokens of a full run after it crossed the threshold in force; `null`: it does not count. */
function tokensAfterCrossing (fold: Fold, { outcome, leaf, key }: PendingOutcome, state: ContextState): number | null {
  const { steps, steps_complete: isComplete, cancelled: isCancelled = false, tokens, u } = outcome
  if (isCancelled || steps === null || !isComplete || state.rule.index === -1) return null
  const score = scoreOfEpoch(state.epoch, fold.predictors)
  if (score === undefined || isTrainedOn(score, u)) return null
  const scoreOf = scoring(score, leaf)
  const run = { tokens, answerTokens: 0, em: null, steps: steps.map((step) => ({ tokens: step.tokens, score: scoreOf(step) })), isComplete }
  const stops = stopsOf(run, policyOf(fold.ledger, key).min_tokens, score.grid)
  return tokens - stops[state.rule.index]!.tokens
}
