import t from 'tap'
import { lookAtOpen } from '../../../src/core/enrolment/look.js'
import { addReport, newMember, type SampleReport } from '../../../src/core/enrolment/member.js'
import { newSlice, RAW, type Slice } from '../../../src/core/enrolment/slice.js'
import { KEPT, RULES, rulesWith, unitWith } from './cohort-fixtures.js'

const SCORER = RULES.scorers[0]!
const AWAITS: SampleReport = { kind: 'awaits_label', generation_id: 'g', tokens: 100 }

function memberIn (slice: Slice, u: number, ...reports: SampleReport[]) {
  const member = newMember({ u, arm: 'control', share: 1, at: 0, slice })
  slice.open.control++
  for (const report of reports) {
    member.samples = 2
    addReport(member, report, 'lost')
  }
  return member
}

t.test('rule 5: only ended slices are looked at, and those of whom nothing is known are not accounted for', async (t) => {
  const [first, second] = [newSlice(0, 0, false), newSlice(1, 5, false)]
  first.ends = 5
  const members = [memberIn(first, 0.1), memberIn(first, 0.2, KEPT), memberIn(second, 0.3)]
  const looked = { slices: [first, second], members, partlyKnown: [members[1]!] }
  t.match(lookAtOpen(looked, SCORER, RULES), [{ evidence: { generations: 1, lost: [0.5, 0.5] }, unaccounted: 1 }])
  t.equal(first.evidence.size, 0, 'a look changes nothing')
  t.strictSame(lookAtOpen(looked, { ...SCORER, since: 1 }, RULES), [])
  const setAside = { ...SCORER, isSetAside: (u: number) => u < 0.2 }
  t.match(lookAtOpen(looked, setAside, RULES), [{ evidence: { generations: 1 }, unaccounted: 0 }])
})

t.test('the worst case of a member is computed again only after a further report', async (t) => {
  let asked = 0
  const rules = rulesWith({ worstUnits: () => { asked++; return new Map([[RAW, unitWith(0, 1)]]) } })
  const slice = newSlice(0, 0, false)
  slice.ends = 1
  const member = memberIn(slice, 0.1, AWAITS)
  const look = () => lookAtOpen({ slices: [slice], members: [member], partlyKnown: [member] }, SCORER, rules)[0]!.evidence
  t.match([look(), look()], [{ lost: [0.5, 1] }, { lost: [0.5, 1] }])
  t.equal(asked, 1)
  addReport(member, KEPT, 'lost')
  t.match(look(), { lost: [0, 0.5] })
  t.equal(asked, 2)
})
