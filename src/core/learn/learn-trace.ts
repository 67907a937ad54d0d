import { keepTrace } from '../certificate/kept-trace.js'
import type { ContextState } from '../judgement/context-state.js'
import type { Policy } from '../policy/policy.js'
import type { PrunedOutcome } from '../recording/prune-steps.js'
import { MOST_STEPS, traceSlot } from '../recording/trace-slot.js'
import type { Fold } from './fold.js'
import { traceOf } from './units-of-outcome.js'

/**
 * Keeps all steps of some control outcomes, so that what-if can say what another cadence would have shown.
 * @param policy of the context that gathers the evidence
 */
export function applyTrace (fold: Fold, outcome: PrunedOutcome, key: string, state: ContextState, policy: Policy): void {
  if (outcome.asked !== undefined) return // some of its steps were pruned
  const slot = slotFor(fold, outcome, state)
  if (slot !== null) fold.traces.set(`${key} ${slot}`, keepTrace(state.epoch_name, traceOf(outcome, policy)))
}

/** Whether an outcome must keep all its steps while it awaits its label. */
export function isTraceKept (fold: Fold, outcome: PrunedOutcome, state: ContextState): boolean {
  return slotFor(fold, outcome, state) !== null
}

function slotFor ({ ledger }: Fold, { generation_id: id, steps }: PrunedOutcome, { follow_up: { reported } }: ContextState): number | null {
  return steps === null || steps.length > MOST_STEPS ? null : traceSlot(id, reported, ledger.contexts)
}
