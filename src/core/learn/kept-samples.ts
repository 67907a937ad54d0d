import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import { scoreOfEpoch, scorerOf } from '../scores/score.js'
import { MAX_TRACE_STEPS, type PendingOutcome, type PrunedOutcome, pruneSteps, traceSlot } from './pending-outcomes.js'
import type { Policy } from '../policy/policy.js'
import { sampleOf } from '../scores/sample.js'
import type { ContextState } from './context-state.js'
import { keepTrace } from '../stats/trace.js'
import { traceOf } from './units-of-outcome.js'

/** Adds a control outcome whose label is known to the samples that predictors learn from. */
export function applySample (fold: Fold, outcome: PrunedOutcome, leaf: string, policy: Policy): void {
  const sample = sampleOf(outcome, leaf, policy.label)
  if (sample !== null) fold.reservoir.add(sample)
}

/**
 * Keeps all steps of some control outcomes, so that what-if can say what another cadence would have shown.
 * @param policy of the context that gathers the evidence
 */
function applyTrace (fold: Fold, outcome: PrunedOutcome, key: string, state: ContextState, policy: Policy): void {
  if (outcome.asked !== undefined) return // some of its steps were pruned
  const slot = slotFor(fold, outcome, state)
  if (slot !== null) fold.traces.set(`${key} ${slot}`, keepTrace(state.epoch.name, traceOf(outcome, policy)))
}

/** Keeps what a control outcome shows whose label is known. @param policy of the context that gathers the evidence */
export function keepKnown (fold: Fold, { outcome, leaf, key }: PendingOutcome, state: ContextState, policy: Policy): void {
  applySample(fold, outcome, leaf, policy)
  applyTrace(fold, outcome, key, state, policy)
}

/**
 * Keeps an outcome until its label comes. Steps at which no threshold is crossed would fill the store, so they are dropped, unless its
 * trace is kept. Use it only after the enrolment: another score, which opens an epoch, may cross at other steps.
 */
export function awaitLabel (fold: Fold, pending: PendingOutcome, state: ContextState, { min_tokens: minTokens }: Policy): void {
  const { outcome, leaf } = pending
  if (slotFor(fold, outcome, state) !== null) return fold.pending.set(pending)
  const score = scoreOfEpoch(state.epoch, fold.predictors)
  const scorer = score === undefined ? null : scorerOf(score, leaf)
  const pruning = { minTokens: [policyOf(fold.ledger, leaf).min_tokens, minTokens], scorer, isSampled: true }
  fold.pending.set({ ...pending, outcome: pruneSteps(outcome, pruning) })
}

function slotFor ({ ledger }: Fold, { generation_id: id, steps }: PrunedOutcome, { reports }: ContextState): number | null {
  return steps === null || steps.length > MAX_TRACE_STEPS ? null : traceSlot(id, reports.follow_up.reported, ledger.contexts)
}
