import type { EnrolmentEntry, EnrolmentList } from '../enrolment/enrolment-list.js'
import type { ContextState } from '../judgement/context-state.js'
import { isCertifying } from '../policy/certifying-link.js'
import { chainOf, parseContextKey } from '../policy/context.js'
import { cohortRules } from './cohort-rules.js'
import { ensureContext, policyOf, type Fold } from './fold.js'
import { followUp, withCounts } from './follow-up.js'
import { takeReport } from './take-report.js'

/** Enrols what a replica has drawn (see docs/concepts/certificate.md). */
export function applyEnrolment (fold: Fold, time: number, list: EnrolmentList): void {
  const underWay = fold.cohorts.admit(list, time)
  if (underWay === null) return
  const isTooOld = list.age + underWay > fold.times.oldestList
  for (const entry of list.entries) enrol(fold, time, entry, isTooOld)
}

function enrol (fold: Fold, time: number, entry: EnrolmentEntry, isTooOld: boolean): void {
  const { key, epoch } = entry
  const { levels } = fold.ledger.configuration
  const found = fold.get(key) ?? createChain(fold, key, time)
  const policy = policyOf(fold.ledger, key)
  if (found === undefined || policy.follow_up_seconds === 0) return
  const isFirst = epoch === null && found.epoch_cause === 'first_enrolment'
  if (!isCertifying(levels, policy.certify_at, key)) {
    fold.set(key, withCounts(found, { void: entry.draws.length }))
    return
  }
  const followed = followUp(fold, key, found, time) // what is due comes first; it may open another epoch
  const isVoid = isTooOld || followed.epoch_name !== found.epoch_name || (epoch !== found.epoch_name && !isFirst)
  const cohort = fold.cohorts.of(key, followed.epoch_name)
  const rules = cohortRules(fold, followed, policy)
  const members = cohort.enrol(entry, fold.cohorts.clock, rules, isVoid)
  let state = withCounts(followed, cohort.takeCounts())
  fold.set(key, state)
  for (const member of members) {
    for (const { generation_id: id } of cohort.takeEarly(member.u)) {
      const pending = fold.pending.get(id)
      if (pending === undefined) continue
      fold.pending.remove(id)
      if (cohort.members.get(member.u) !== member) continue // it is accounted for: more outcomes came than it has samples
      state = takeReport(fold, pending, state, { cohort, member, rules, time })
    }
  }
  followUp(fold, key, state, time)
}

/** Creates a context and its ancestors. @returns its state; `undefined` if no context can have the key, or there is no room for it */
function createChain (fold: Fold, key: string, time: number): ContextState | undefined {
  if (parseContextKey(fold.ledger.configuration.levels, key) === null) return undefined
  let state: ContextState | undefined
  for (const link of chainOf(key)) state = ensureContext(fold, link, time)
  return state
}
