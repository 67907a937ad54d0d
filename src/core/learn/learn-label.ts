import type { ContextState } from '../judgement/context-state.js'
import type { Policy } from '../policy/policy.js'
import type { Pending } from '../recording/pending.js'
import { policyOf, type Fold } from './fold.js'
import { cohortRules } from './cohort-rules.js'
import { followUp, withCounts } from './follow-up.js'
import { withLateLabel } from './late-label.js'
import type { LabelEntry } from './log-entry.js'
import { unitsOfOutcome } from './units-of-outcome.js'
import { applySample } from './learn-sample.js'
import { applyTrace } from './learn-trace.js'

/** Gives an outcome the label that it awaits. */
export function applyLabel (fold: Fold, time: number, label: LabelEntry): void {
  const pending = fold.pending.get(label.generation_id)
  if (pending === undefined) return // its follow-up was over, or it needed none
  const outcome = withLateLabel(pending.outcome, label)
  if (outcome === pending.outcome) return // it says nothing: a better one may come
  const { key, leaf } = pending
  const stored = fold.get(key)
  const state = stored && followUp(fold, key, stored, time) // what is due comes first
  const cohort = fold.cohorts.get(key)
  if (state === undefined || cohort === undefined) return fold.pending.remove(label.generation_id)
  if (fold.pending.get(label.generation_id) === undefined) return // its time was up
  const member = cohort.members.get(outcome.u)
  const isEarly = member === undefined || !member.waiting.includes(label.generation_id) // its entry has not come yet
  if (isEarly) return fold.pending.set({ ...pending, outcome })
  const policy = policyOf(fold.ledger, key)
  const { units, em } = unitsOfOutcome(outcome, leaf, policy, state, fold.predictors)
  const known = { generation_id: label.generation_id, units: member.arm === 'control' ? units : new Map<number, never>(), em }
  cohort.label(member, known, fold.cohorts.clock, cohortRules(fold, state, policy))
  fold.pending.remove(label.generation_id)
  followUp(fold, key, member.arm === 'control' ? takeLabelled(fold, { outcome, leaf, key }, state, policy) : state, time)
}

/** Keeps what a control outcome shows now that its label is known, and counts the label. @returns the state as stored */
function takeLabelled (fold: Fold, { outcome, leaf, key }: Pending, state: ContextState, policy: Policy): ContextState {
  applySample(fold, outcome, leaf, policy)
  applyTrace(fold, outcome, key, state, policy)
  const counted = withCounts(state, { labels_given: 1 })
  fold.set(key, counted)
  return counted
}
