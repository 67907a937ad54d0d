import { isEvidence } from '../evidence/enrolled-unit.js'
import { countLabelled } from '../evidence/labels.js'
import { countLabel } from '../evidence/reports.js'
import { cohortRules } from './cohort-rules.js'
import { takeLateLoss } from './control-losses.js'
import type { Fold } from './fold.js'
import { followUp } from './follow-up.js'
import { keepKnown } from './kept-samples.js'
import { differenceOfStop, withLateLabel } from './late-label.js'
import type { LabelEntry } from './log-entry.js'
import { unitOfOutcome } from './units-of-outcome.js'

/** Gives an outcome the label that it awaits. */
export function applyLabel (fold: Fold, time: number, label: LabelEntry): void {
  const { generation_id: id } = label
  const pending = fold.pending.get(id)
  if (pending === undefined) return // its follow-up was over, or it needed none
  const outcome = withLateLabel(pending.outcome, label)
  if (outcome === pending.outcome) return // the label settles nothing: a better one may arrive
  const { key, leaf } = pending
  const stored = fold.get(key)
  const state = stored && followUp(fold, key, stored, time) // due slices come first
  const cohort = fold.cohorts.get(key)
  if (state === undefined || cohort === undefined) return fold.pending.remove(id)
  if (fold.pending.get(id) === undefined) return // its time was up
  if (cohort.stops.has(id)) cohort.settleStop(id, differenceOfStop(outcome, label))
  const member = cohort.members.get(outcome.u)
  if (member === undefined || !member.waiting.includes(id)) {
    if (cohort.isEarly(id)) fold.pending.set({ ...pending, outcome }) // its entry has not come yet
    else fold.pending.remove(id)
    followUp(fold, key, state, time)
    return
  }
  const rules = cohortRules(fold, key, state)
  const { unit } = unitOfOutcome(outcome, leaf, rules.policy, state, fold.predictors)
  cohort.label(member, { generation_id: id, unit }, fold.cohorts.clock, rules)
  fold.pending.remove(id)
  if (!isEvidence(member)) {
    followUp(fold, key, state, time)
    return
  }
  keepKnown(fold, { outcome, leaf, key }, state, rules.policy)
  const labelled = {
    ...state,
    reports: countLabel(state.reports, outcome),
    labels: countLabelled(state.labels, label.source, unit, state.epoch.meaning),
  }
  fold.set(key, labelled)
  followUp(fold, key, takeLateLoss(fold, pending, member, unit, labelled), time)
}
