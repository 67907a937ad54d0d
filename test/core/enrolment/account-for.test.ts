import t from 'tap'
import { accountFor, giveUp } from '../../../src/core/enrolment/account-for.js'
import { addReport, newMember, type SampleReport } from '../../../src/core/enrolment/member.js'
import { newSlice, RAW, watchedOf } from '../../../src/core/enrolment/slice.js'
import { KEPT, LOST, RULES, rulesWith, TREATED, unitWith } from './cohort-fixtures.js'

const AWAITS: SampleReport = { kind: 'awaits_label', generation_id: 'g', tokens: 100 }

function memberOf (arm: 'control' | 'treated', samples: number | null, ...reports: SampleReport[]) {
  const slice = newSlice(0, 0, false)
  slice.open[arm] = 1
  const member = newMember({ u: 0.3, arm, share: 0.5, at: 0, slice })
  member.samples = samples
  for (const report of reports) addReport(member, report, 'lost')
  return member
}

t.test('a control member goes into counts, evidence and comparison of its slice, a treated one into the comparison alone', async (t) => {
  const control = memberOf('control', 2, KEPT, LOST)
  accountFor(control, RULES)
  t.match(control.slice, { open: { control: 0 }, counts: { accounted: 1, missing: 0 } })
  t.match(control.slice.arms, [{ share: 0.5, control: { units: 1, em: 1 } }])
  t.match(control.slice.evidence.get(RAW), { generations: 1, lost: [0.5, 0.5] })
  const treated = memberOf('treated', 1, TREATED)
  accountFor(treated, RULES)
  t.match(treated.slice, { open: { treated: 0 }, counts: { accounted: 0 }, arms: [{ treated: { units: 1, em: 1, tokens: 50 } }] })
  t.equal(treated.slice.evidence.size, 0)
})

t.test('a scorer that was trained on a member, or came after its slice began, does not learn from it', async (t) => {
  const scorers = [{ scorer: 1, thresholds: 2, since: 0, isSetAside: (u: number) => u === 0.3 }, { scorer: 2, thresholds: 2, since: 1 }]
  const member = memberOf('control', 1, KEPT)
  accountFor(member, { scorers })
  t.equal(member.slice.evidence.size, 0)
})

t.test('the drift detector does not see missing samples', async (t) => {
  const member = memberOf('control', 2, KEPT)
  t.ok(giveUp(member, RULES))
  accountFor(member, RULES)
  t.match(member.slice.evidence.get(RAW), { generations: 1, lost: [0.5, 0.5] })
  t.match(watchedOf(member.slice, RAW), { generations: 1, lost: [0, 0] })
})

t.test('rule 6: of a member that is given up, absent samples are missing and unlabelled ones at their worst', async (t) => {
  const rules = rulesWith({ worstUnits: () => new Map([[RAW, unitWith(0, 1)]]) })
  const waiting = memberOf('control', 1, AWAITS)
  t.notOk(giveUp(waiting, rules), 'its outcome has come')
  t.match(waiting, { atWorst: 1, lost: 0, waiting: [] })
  const silent = memberOf('control', null)
  t.ok(giveUp(silent, rules))
  t.match(silent, { samples: 1, reported: 1, lost: 1 })
  const excluded = memberOf('control', 3, AWAITS)
  t.ok(giveUp(excluded, rulesWith({ missingLabels: 'excluded', missingOutcomes: 'excluded' })))
  t.match(excluded, { samples: 3, leftOut: 3, unlabelled: 1, lost: 0 })
})
