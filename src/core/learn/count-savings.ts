import type { EnrolledUnit } from '../evidence/enrolled-unit.js'
import { chainOf } from '../policy/context.js'
import { scoreOfEpoch, scoring } from '../scores/score.js'
import type { Policy } from '../policy/policy.js'
import { EIGHTHS } from '../stats/certificate.js'
import type { EvidenceUnit } from '../stats/evidence.js'
import { lossScale } from '../stats/judge-errors.js'
import { countControl, countLoss, sumsOn } from '../stats/savings-sums.js'
import { addControl, addSaved } from '../stats/savings.js'
import { stopsOf } from '../stats/trace.js'
import { type ContextState, withSlices } from './context-state.js'
import { areStopsReal } from './count-generation.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { deepestOf, presentDay } from './savings-by-day.js'
import { thresholdInForce } from './threshold-in-force.js'
import { isTrainedOn } from './units-of-outcome.js'

/**
 * Counts what stopping would have saved, and lost, in a sample of a control member, for every link of its chain. Cancelled samples, those without
 * complete steps and those that the scorer was trained on are left out.
 * @param unit `null`: it is not known yet what it loses
 * @param state of the context that gathers the evidence, as stored
 */
export function takeSavings (
  fold: Fold, pending: PendingOutcome, member: EnrolledUnit, unit: EvidenceUnit | null, state: ContextState, time: number
): void {
  const { outcome, leaf, key } = pending
  const { share, saved: earlier } = member
  if (outcome.stopped || outcome.arm === 'treated' || share === 1) return
  if (!areStopsReal(policyOf(fold.ledger, leaf), thresholdInForce(fold, leaf, time))) return
  const tokens = tokensAfterCrossing(fold, pending, state)
  if (tokens === null) return
  const policy = policyOf(fold.ledger, key)
  const loss = unit && lossOf(unit, state, policy)
  const sample = { tokens, loss, share, enrolled: policy.label_rate }
  const chain = chainOf(leaf)
  const counts = deepestOf(fold, chain)
  for (const link of chain) {
    const own = fold.get(link)
    if (own === undefined) continue
    const { savings } = own
    const sums = addControl(savings.sums, tokens, share, earlier, policy.label_rate)
    const today = link === counts ? countControl(sumsOn(presentDay(fold), savings.today), sample, earlier) : savings.today
    fold.set(link, withSlices(own, { savings: { ...savings, sums, today } }))
  }
  member.saved = { ...addSaved(earlier, tokens), known: (earlier?.known ?? 0) + (loss === null ? 0 : 1) }
}

/**
 * Counts what a sample lost whose label came late, if its savings were counted.
 * @param state of the context that gathers the evidence, as stored
 * @returns the state stored last
 */
export function takeLateLoss (
  fold: Fold, { leaf, key }: Pick<PendingOutcome, 'leaf' | 'key'>, member: EnrolledUnit, unit: EvidenceUnit | null, state: ContextState
): ContextState {
  const { share, saved: earlier } = member
  if (earlier === undefined || earlier.known >= earlier.samples || unit === null || state.rule.index === -1) return state
  const policy = policyOf(fold.ledger, key)
  const sample = { loss: lossOf(unit, state, policy), share, enrolled: policy.label_rate }
  const counts = deepestOf(fold, chainOf(leaf))
  const own = fold.get(counts)!
  const today = countLoss(sumsOn(presentDay(fold), own.savings.today), sample, earlier)
  fold.set(counts, withSlices(own, { savings: { ...own.savings, today } }))
  member.saved = { ...earlier, known: earlier.known + 1 }
  return fold.get(key)!
}

/** What a sample loses at the threshold in force. With a judge of audited errors it is an upper estimate. */
function lossOf ({ eighths }: EvidenceUnit, { rule: { index } }: ContextState, { judge_miss_rate: missRate }: Policy): number {
  return eighths[index]! / EIGHTHS / lossScale(missRate)
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
