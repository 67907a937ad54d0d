import { stopsOf } from '../certificate/trace.js'
import type { ContextState } from '../contexts/context-state.js'
import type { EffectiveThreshold } from '../contexts/effective-threshold.js'
import { addControl, type CountedSamples } from '../contexts/savings.js'
import { scoreOfState } from '../contexts/score.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import { chainOf } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import { scorerFor, scoreStep } from '../predictor/predictor.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { type Fold, policyOf, thresholdInForce } from './fold.js'
import { isTrainedOn } from './units-of-outcome.js'

/**
 * Whether generations of a leaf are really stopped, by a threshold that its evidence certifies. Savings are counted only then.
 * @param force threshold in force for the leaf
 */
export function areStopsReal ({ mode }: Pick<Policy, 'mode'>, { threshold, isPinned }: EffectiveThreshold): boolean {
  return mode === 'enforce' && threshold !== null && !isPinned
}

/**
 * Cancelled generations are left out in both arms.
 * @returns the tokens that a treated generation used after its crossing; `undefined`: it does not count in the savings
 */
export function usedTokens (
  outcome: LoggedOutcome, policy: Policy, force: EffectiveThreshold
): number | undefined {
  const { tokens, answer_tokens: answer, stopped, stopped_probe: probe, cancelled: isCancelled = false } = outcome
  if (isCancelled || !areStopsReal(policy, force)) return undefined
  return !stopped ? 0 : probe === undefined ? Math.min(answer, tokens) : tokens - probe.tokens
}

/** How a control sample was drawn. */
interface Drawn {
  /** Control share at which its unit was drawn. */
  readonly share: number
  /** Samples of its unit that were counted before it. */
  readonly earlier?: CountedSamples | undefined
  /** Part of the units that is enrolled; absent: all. */
  readonly enrolled?: number
}

/**
 * Counts what stopping would have saved in a control sample, for every link of its chain. Cancelled samples, those without complete steps
 * and those that the scorer was trained on are left out.
 * @param state of the context that gathers the evidence, as stored
 * @returns the tokens that were generated after the crossing; `null`: it did not count
 */
export function countSavingsOfControl (
  fold: Fold, { outcome, leaf, key }: PendingOutcome, { share, earlier, enrolled }: Drawn, state: ContextState, time: number
): number | null {
  if (share === 1 || !areStopsReal(policyOf(fold.ledger, leaf), thresholdInForce(fold, leaf, time))) return null
  const tokens = tokensAfterCrossing(fold, { outcome, leaf, key }, state)
  if (tokens === null) return null
  for (const link of chainOf(leaf)) {
    const own = fold.own(link)
    if (own !== undefined) own.savings = addControl(own.savings, tokens, share, earlier, enrolled)
  }
  return tokens
}

/** Tokens of a full run after it crossed the threshold in force. */
function tokensAfterCrossing (fold: Fold, { outcome, leaf, key }: PendingOutcome, state: ContextState): number | null {
  const { steps, steps_complete: isComplete, cancelled: isCancelled = false, tokens, u } = outcome
  if (isCancelled || steps === null || !isComplete || state.threshold_index === -1) return null
  const score = scoreOfState(state, fold.predictors)
  if (score === undefined || isTrainedOn(score, u)) return null
  const scorer = score.predictor === null ? null : scorerFor(score.predictor, leaf)
  const scored = steps.map(({ tokens, confidence, signals }) => ({
    tokens, score: scorer === null ? confidence : scoreStep(scorer, tokens, confidence, signals),
  }))
  const run = { tokens, answerTokens: 0, em: null, steps: scored, isComplete }
  const stops = stopsOf(run, policyOf(fold.ledger, key).min_tokens, score.grid)
  return tokens - stops[state.threshold_index]!.tokens
}
