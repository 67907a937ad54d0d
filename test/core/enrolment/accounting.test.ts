import t from 'tap'
import { accountFor, endFollowUp, evidenceOfOpenSlices } from '../../../src/core/enrolment/accounting.js'
import { addReport, newEnrolledUnit, type SampleReport } from '../../../src/core/enrolment/enrolled-unit.js'
import { newSlice, type Slice, watchedOf } from '../../../src/core/enrolment/slice.js'
import { KEPT, LOST, RULES, rulesWith, unitWith } from './cohort-fixtures.js'

const AWAITS: SampleReport = { kind: 'awaits_label', generation_id: 'g' }

function memberOf (samples: number | null, ...reports: SampleReport[]) {
  const slice = newSlice(0, 0)
  slice.open = 1
  const member = newEnrolledUnit({ hash: 0, u: 0.3, share: 0.5, at: 0, rate: 0, slice })
  member.samples = samples
  for (const report of reports) addReport(member, report)
  return member
}

t.test('a member goes into counts and evidence of its slice', async (t) => {
  const member = memberOf(2, KEPT, LOST)
  accountFor(member, RULES)
  t.match(member.slice, { open: 0, counts: { accounted: 1, missing: 0 } })
  t.match(member.slice.evidence, { generations: 1, lost: [0.5, 0.5] })
})

t.test('a member that the score was trained on is no evidence', async (t) => {
  const scoring = { thresholds: 2, isSetAside: (u: number) => u === 0.3 }
  const member = memberOf(1, KEPT)
  accountFor(member, { scoring })
  t.equal(member.slice.evidence, null)
})

t.test('the drift detector does not see missing samples', async (t) => {
  const member = memberOf(2, KEPT)
  t.ok(endFollowUp(member, RULES))
  accountFor(member, RULES)
  t.match(member.slice.evidence, { generations: 1, lost: [0.5, 0.5] })
  t.match(watchedOf(member.slice), { generations: 1, lost: [0, 0] })
})

t.test('rule 6: of a member that is given up, absent samples are missing and unlabelled ones at their worst', async (t) => {
  const rules = rulesWith({ worstUnit: () => unitWith(0, 1) })
  const waiting = memberOf(1, AWAITS)
  t.notOk(endFollowUp(waiting, rules), 'its outcome has come')
  t.match(waiting, { atWorst: 1, lost: 0, waiting: [] })
  const silent = memberOf(null)
  t.ok(endFollowUp(silent, rules))
  t.match(silent, { samples: 1, reported: 1, lost: 1 })
  const group = memberOf(3, AWAITS)
  t.ok(endFollowUp(group, rules))
  t.match(group, { samples: 3, atWorst: 1, lost: 2 })
})

function memberIn (slice: Slice, u: number, ...reports: SampleReport[]) {
  const member = newEnrolledUnit({ hash: 0, u, share: 1, at: 0, rate: 0, slice })
  slice.open++
  for (const report of reports) {
    member.samples = 2
    addReport(member, report)
  }
  return member
}

t.test('rule 5: only ended slices are looked at, and those of whom nothing is known are not accounted for', async (t) => {
  const [first, second] = [newSlice(0, 0), newSlice(1, 5)]
  first.ends = 5
  const members = [memberIn(first, 0.1), memberIn(first, 0.2, KEPT), memberIn(second, 0.3)]
  const looked = { slices: [first, second], members, partlyKnown: [members[1]!] }
  t.match(evidenceOfOpenSlices(looked, RULES), [{ evidence: { generations: 1, lost: [0.5, 0.5] }, unaccounted: 1 }])
  t.equal(first.evidence, null, 'a look changes nothing')
  const setAside = rulesWith({ scoring: { thresholds: 2, isSetAside: (u) => u < 0.2 } })
  t.match(evidenceOfOpenSlices(looked, setAside), [{ evidence: { generations: 1 }, unaccounted: 0 }])
})

t.test('the worst case of a member is computed again only after a further report', async (t) => {
  let asked = 0
  const rules = rulesWith({ worstUnit: () => { asked++; return unitWith(0, 1) } })
  const slice = newSlice(0, 0)
  slice.ends = 1
  const member = memberIn(slice, 0.1, AWAITS)
  const look = () => evidenceOfOpenSlices({ slices: [slice], members: [member], partlyKnown: [member] }, rules)[0]!.evidence
  t.match([look(), look()], [{ lost: [0.5, 1] }, { lost: [0.5, 1] }])
  t.equal(asked, 1)
  addReport(member, KEPT)
  t.match(look(), { lost: [0, 0.5] })
  t.equal(asked, 2)
})
