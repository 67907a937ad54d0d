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
  followUp(fold, key, time) // what is due comes first
  const cohort = fold.cohorts.get(key)
  if (cohort === undefined) return fold.pending.remove(label.generation_id)
  if (fold.pending.get(label.generation_id) === undefined) return // its time was up
  const member = cohort.members.get(outcome.u)
  const isEarly = member === undefined || !member.waiting.includes(label.generation_id) // its entry has not come yet
  if (isEarly) return fold.pending.set({ ...pending, outcome })
  const current = fold.get(key)!
  const policy = policyOf(fold.ledger, key)
  const { units, em } = unitsOfOutcome(outcome, leaf, policy, current, fold.predictors)
  const known = { generation_id: label.generation_id, units: member.arm === 'control' ? units : new Map<number, never>(), em }
  cohort.label(member, known, fold.cohorts.clock, cohortRules(fold, current, policy))
  fold.pending.remove(label.generation_id)
  if (member.arm === 'control') {
    applySample(fold, outcome, leaf, policy)
    applyTrace(fold, outcome, key, current, policy)
    fold.set(key, withCounts(current, { labels_given: 1 }))
  }
  followUp(fold, key, time)
}
