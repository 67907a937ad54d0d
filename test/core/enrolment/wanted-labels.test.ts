import t from 'tap'
import type { CohortRules } from '../../../src/core/enrolment/account-for.js'
import { Cohort } from '../../../src/core/enrolment/cohort.js'
import { storeCohort } from '../../../src/core/enrolment/cohort-storage.js'
import { byPlace, wantedLabels } from '../../../src/core/enrolment/wanted-labels.js'

const rules: CohortRules = {
  followUp: 1_800_000, missingOutcomes: 'lost', missingLabels: 'lost', wait: 12_000, scorers: [], worstUnits: () => new Map(),
}

t.test('control outcomes that await a label are listed in the order of enrolment', async (t) => {
  const cohort = new Cohort('1-0')
  const enrol = (u: number, clock: number) => cohort.enrol({ key: '*', epoch: '1-0', share: 0.5, draws: [[u, 0.1]] }, clock, rules)[0]!
  const [second, treated, first, silent] = [enrol(0.3, 200), enrol(0.7, 50), enrol(0.2, 200), enrol(0.1, 100)]
  for (const [member, ids] of [[second, ['s']], [treated, ['t']], [first, ['b', 'a']]] as const) {
    for (const generation_id of ids) cohort.report(member, { kind: 'awaits_label', generation_id, tokens: 1 }, 2, 300, rules)
  }
  t.ok(cohort.members.has(silent.u))
  t.same(wantedLabels(storeCohort(cohort)).map(({ generation_id: id }) => id), ['a', 'b', 's'])
})

t.test('the order is definite', async (t) => {
  const place = { at: 1, u: 0.5, generation_id: 'g' }
  t.equal(byPlace(place, place), 0)
  for (const later of [{ ...place, at: 2 }, { ...place, u: 0.6 }, { ...place, generation_id: 'h' }]) {
    t.ok(byPlace(place, later) < 0)
    t.ok(byPlace(later, place) > 0)
  }
})
