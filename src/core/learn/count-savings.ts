import type { EnrolledUnit } from '../evidence/enrolled-unit.js'
import { chainOf } from '../policy/context.js'
import { scoreOfEpoch, scoring } from '../scores/score.js'
import { addControl, addSaved } from '../stats/savings.js'
import { stopsOf } from '../stats/trace.js'
import { type ContextState, withSlices } from './context-state.js'
import { areStopsReal } from './count-generation.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { thresholdInForce } from './threshold-in-force.js'
import { isTrainedOn } from './units-of-outcome.js'

/**
 * Counts what stopping would have saved in a sample of a control member, for every link of its chain. Cancelled samples, those without
 * complete steps and those that the scorer was trained on are left out.
 * @param state of the context that gathers the evidence, as stored
 */
export function takeSavings (fold: Fold, pending: PendingOutcome, member: EnrolledUnit, state: ContextState, time: number): void {
  const { outcome, leaf, key } = pending
  const { share, saved: earlier } = member
  if (outcome.stopped || outcome.arm === 'treated' || share === 1) return
  if (!areStopsReal(policyOf(fold.ledger, leaf), thresholdInForce(fold, leaf, time))) return
  const tokens = tokensAfterCrossing(fold, pending, state)
  if (tokens === null) return
  const { label_rate: enrolled } = policyOf(fold.ledger, key)
  for (const link of chainOf(leaf)) {
    const own = fold.get(link)
    if (own === undefined) continue
    const sums = addControl(own.savings.sums, tokens, share, earlier, enrolled)
    fold.set(link, withSlices(own, { savings: { ...own.savings, sums } }))
  }
  member.saved = addSaved(earlier, tokens)
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
