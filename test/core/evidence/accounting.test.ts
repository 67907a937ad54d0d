import t from 'tap'
import { accountFor, awaitingInSlices, endFollowUp, evidenceOfOpenSlices } from '../../../src/core/evidence/accounting.js'
import { addReport, newEnrolledUnit, type SampleReport } from '../../../src/core/evidence/enrolled-unit.js'
import { accountedIn, newSlice, type Slice, watchedOf } from '../../../src/core/evidence/slice.js'
import { KEPT, LOST, RULES, rulesWith, unitWith } from './cohort-fixtures.js'

const AWAITS: SampleReport = { kind: 'awaits_label', generation_id: 'g' }

function memberOf (samples: number | null, ...reports: SampleReport[]) {
  const slice = newSlice(0, 0, 0)
  slice.open = 1
  const member = newEnrolledUnit({ hash: 0, u: 0.3, share: 0.5, at: 0, slice })
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

t.test('law 11: estimates are of what is accounted for, without missing samples and without units whose label is missing', async (t) => {
  const slice = newSlice(0, 0, 0)
  const rules = rulesWith({ worstUnit: () => unitWith(1, 1) })
  const given = [memberIn(slice, 0.1, KEPT, LOST), memberIn(slice, 0.2, KEPT), memberIn(slice, 0.3, KEPT, AWAITS), memberIn(slice, 0.4)]
  for (const [i, member] of given.entries()) {
    if (i > 0) endFollowUp(member, rules)
    accountFor(member, rules)
    if (i === 0) t.equal(slice.accounted, null, 'nothing is missing')
  }
  t.match(slice.evidence, { generations: 4, lost: [2.5, 2.5] })
  t.match(accountedIn(slice), { generations: 2, lost: [0.5, 0.5] }, 'of the first group and of the sample that came of the second')
  t.match(watchedOf(slice), { generations: 3, lost: [1, 1] })
})

t.test('law 11: of open slices estimates are of what is accounted for, and the test takes the others at their worst', async (t) => {
  const slice = newSlice(0, 0, 0)
  slice.ends = 5
  const rules = rulesWith({ worstUnit: () => unitWith(1, 1) })
  const [known, waiting] = [memberIn(slice, 0.1, KEPT, KEPT), memberIn(slice, 0.2, KEPT, AWAITS)]
  accountFor(known, rules)
  const [open] = evidenceOfOpenSlices({ slices: [slice], members: [waiting], partlyKnown: [waiting] }, rules)
  t.match(open, { evidence: { generations: 2, lost: [0.5, 0.5] }, accounted: { generations: 1, lost: [0, 0] } })
  const [alone] = evidenceOfOpenSlices({ slices: [slice], members: [], partlyKnown: [] }, rules)
  t.notOk('accounted' in alone!, 'it is all that there is')
})

t.test('E5: of a member that is given up, absent samples are missing and unlabelled ones at their worst', async (t) => {
  const rules = rulesWith({ worstUnit: () => unitWith(0, 1) })
  const waiting = memberOf(1, AWAITS)
  t.notOk(endFollowUp(waiting, rules), 'its outcome has come')
  t.match(waiting, { atWorst: 1, missing: 0, waiting: [] })
  const silent = memberOf(null)
  t.ok(endFollowUp(silent, rules))
  t.match(silent, { samples: 1, reported: 1, missing: 1 })
  const group = memberOf(3, AWAITS)
  t.ok(endFollowUp(group, rules))
  t.match(group, { samples: 3, atWorst: 1, missing: 2 })
})

function memberIn (slice: Slice, u: number, ...reports: SampleReport[]) {
  const member = newEnrolledUnit({ hash: 0, u, share: 1, at: 0, slice })
  slice.open++
  for (const report of reports) {
    member.samples = 2
    addReport(member, report)
  }
  return member
}

t.test('E4: only ended slices are looked at, and those of whom nothing is known are not accounted for', async (t) => {
  const [first, second] = [newSlice(0, 0, 0), newSlice(1, 5, 0)]
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
  const slice = newSlice(0, 0, 0)
  slice.ends = 1
  const member = memberIn(slice, 0.1, AWAITS)
  const look = () => evidenceOfOpenSlices({ slices: [slice], members: [member], partlyKnown: [member] }, rules)[0]!.evidence
  t.match([look(), look()], [{ lost: [0.5, 1] }, { lost: [0.5, 1] }])
  t.equal(asked, 1)
  addReport(member, KEPT)
  t.match(look(), { lost: [0, 0.5] })
  t.equal(asked, 2)
})

t.test('units that await a label are counted by the part of their samples that differs at the threshold, and units without a report are not', async (t) => {
  const slice = newSlice(0, 0, 0)
  const rules = rulesWith({ worstUnit: () => unitWith(0, 1) })
  const known = memberIn(slice, 0.1, LOST)
  accountFor(known, rules)
  const [waiting, group] = [memberIn(slice, 0.2, AWAITS), memberIn(slice, 0.3, AWAITS, LOST, KEPT, KEPT)]
  const partly = memberIn(slice, 0.4, KEPT)
  waiting.samples = 1
  for (const member of [group, partly]) member.samples = 4
  const units = (k: number) => awaitingInSlices({ slices: [slice, newSlice(1, 5, 0)], partlyKnown: [waiting, group, partly] }, k, rules)
  t.same(units(0), [[[0, 1], [0, 1], [0, 1], [0, 1]], [[0, 0]]], 'no answer differs there')
  t.same(units(1), [[[0, 1], [1, 1], [0.25, 1], [0, 1]], [[0, 0]]])
})
