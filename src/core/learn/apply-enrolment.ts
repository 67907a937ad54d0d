import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { EnrolmentEntry, EnrolmentList } from '../evidence/enrolment-list.js'
import { certifyingDepth, chainOf, isCertifying } from '../policy/context.js'
import { createChain } from './context-room.js'
import { followUp } from './follow-up.js'
import { cohortRules } from './cohort-rules.js'
import { countIn, takeReport } from './take-report.js'

/** Enrols the generations that a replica has drawn (see docs/concepts/certificate.md). */
export function applyEnrolment (fold: Fold, time: number, list: EnrolmentList): void {
  const underWay = fold.cohorts.admit(list, time)
  if (underWay === null) return
  const isTooOld = list.age + underWay > fold.times.oldestList
  for (const entry of list.entries) enrol(fold, time, entry, isTooOld)
}

/** The pool of a context: a replica that knows neither names the context. @returns the key itself where it has no pool */
function keyOfPool ({ ledger }: Pick<Fold, 'ledger'>, key: string): string {
  return chainOf(key)[certifyingDepth(ledger.configuration.levels, policyOf(ledger, key).certify_at)] ?? key
}

function enrol (fold: Fold, time: number, entry: EnrolmentEntry, isTooOld: boolean): void {
  const { epoch } = entry
  const { levels } = fold.ledger.configuration
  const key = epoch === null ? keyOfPool(fold, entry.key) : entry.key
  const found = fold.get(key) ?? createChain(fold, key, time, entry.prefix)
  const policy = policyOf(fold.ledger, key)
  if (found === undefined) return
  const isFirst = epoch === null && found.epoch.cause === 'first_enrolment'
  if (!isCertifying(levels, policy.certify_at, key)) {
    countIn(fold, key, { void: entry.draws.length })
    return
  }
  const followed = followUp(fold, key, fold.get(key)!, time) // due slices come first; they may open another epoch
  const isOfOther = followed.epoch.name !== found.epoch.name || (epoch !== found.epoch.name && !isFirst)
  const cohort = fold.cohorts.of(key, followed.epoch.name)
  const { clock } = fold.cohorts
  const rules = cohortRules(fold, key, followed)
  const members = cohort.enrol(entry, clock, rules, isOfOther ? 'epoch' : isTooOld ? 'age' : null)
  let state = countIn(fold, key, cohort.takeCounts())
  for (const member of members) {
    for (const { generation_id: id } of cohort.takeEarly(member.u)) {
      const pending = fold.pending.get(id)
      if (pending === undefined) continue
      fold.pending.remove(id)
      if (cohort.members.get(member.u) !== member) continue // it is accounted for: more outcomes came than it has samples
      state = takeReport(fold, pending, member, state, time)
    }
  }
  followUp(fold, key, state, time)
}
