import type { EnrolmentEntry, EnrolmentList } from '../enrolment/enrolment-list.js'
import { isCertifying } from '../policy/certifying-link.js'
import { chainOf, parseContextKey } from '../policy/context.js'
import { cohortRules } from './cohort-rules.js'
import { createContext, policyOf, timesOf, type Fold } from './fold.js'
import { followUp, withCounts } from './follow-up.js'
import { takeReport } from './learn-outcome.js'

/** Enrols what a replica has drawn (see docs/concepts/certificate.md). */
export function applyEnrolment (fold: Fold, time: number, list: EnrolmentList): void {
  const underWay = fold.cohorts.admit(list, time)
  if (underWay === null) return
  const isTooOld = list.age + underWay > timesOf(fold.ledger).oldestList
  for (const entry of list.entries) enrol(fold, time, entry, isTooOld)
}

function enrol (fold: Fold, time: number, entry: EnrolmentEntry, isTooOld: boolean): void {
  const { key, epoch } = entry
  const { levels } = fold.ledger.configuration
  if (fold.get(key) === undefined) {
    if (parseContextKey(levels, key) === null) return
    for (const link of chainOf(key)) createContext(fold, link, time)
  }
  const state = fold.get(key)
  const policy = policyOf(fold.ledger, key)
  if (state === undefined || policy.follow_up_seconds === 0) return
  const isFirst = epoch === null && state.epoch_cause === 'first_enrolment'
  if (!isCertifying(levels, policy.certify_at, key)) {
    fold.set(key, withCounts(state, { void: entry.draws.length }))
    return
  }
  followUp(fold, key, time) // what is due comes first; it may open another epoch
  const current = fold.get(key)!
  const isVoid = isTooOld || current.epoch_name !== state.epoch_name || (epoch !== state.epoch_name && !isFirst)
  const cohort = fold.cohorts.of(key, current.epoch_name)
  const rules = cohortRules(fold, current, policy)
  const members = cohort.enrol(entry, fold.cohorts.clock, rules, isVoid)
  fold.set(key, withCounts(current, cohort.takeCounts()))
  for (const member of members) {
    for (const { generation_id: id } of cohort.takeEarly(member.u)) {
      const pending = fold.pending.get(id)
      if (pending === undefined) continue
      fold.pending.remove(id)
      if (cohort.members.get(member.u) !== member) continue // it is accounted for: more outcomes came than it has samples
      takeReport(fold, pending, { cohort, member, rules, time })
    }
  }
  followUp(fold, key, time)
}
