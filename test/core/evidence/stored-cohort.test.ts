import t from 'tap'
import type { CohortRules } from '../../../src/core/evidence/accounting.js'
import { Cohort } from '../../../src/core/evidence/cohort.js'
import { storeCohort } from '../../../src/core/evidence/cohorts.js'
import { noteIndex } from '../../../src/core/evidence/enrolled-unit.js'
import { unpackNumbers } from '../../../src/core/evidence/seen-units.js'
import { newSlice, type Slice } from '../../../src/core/evidence/slice.js'
import { byPlace, restoreMembers, restoreSlice, storeMembers, storeSlice, wantedLabels } from '../../../src/core/evidence/stored-cohort.js'
import { cohortWith, draws, entryOf, KEPT, report, RULES } from './cohort-fixtures.js'

const throughStore = <T>(value: T): T => JSON.parse(JSON.stringify(value))

t.test('members that one entry enrolled in one slice are stored as a run of units', async (t) => {
  const cohort = cohortWith([0.25, 0.5])
  cohort.enrol(entryOf([0.1, 0.6], { share: 0.3 }), 7, RULES)
  cohort.enrol(entryOf([0.2], { share: 0.3 }), 8, RULES)
  const stored = storeMembers(cohort.members.values())
  t.strictSame(stored.members.runs, [[1, 0, 0, 2], [0.3, 7, 0, 1], [0.3, 8, 0, 1]])
  t.strictSame(unpackNumbers(stored.members.units), [0.25, 0.5, 0.1, 0.2])
  t.strictSame(stored.reports, [])
  t.strictSame(restoreMembers(throughStore(stored), cohort.slices), [...cohort.members.values()])
})

t.test('members with samples are restored unchanged, in their order', async (t) => {
  const us = draws(3)
  const cohort = cohortWith(us)
  report(cohort, us[1]!, KEPT, 5, 4)
  noteIndex(cohort.members.get(us[1]!)!, 3)
  report(cohort, us[1]!, { kind: 'awaits_label', generation_id: 'g' }, 5, 4)
  const stored = storeMembers(cohort.members.values())
  t.match(stored.reports, [{ u: us[1]!, waiting: ['g'] }])
  t.strictSame(restoreMembers(throughStore(stored), cohort.slices), [...cohort.members.values()])
})

t.test('a slice is restored unchanged; zeros are not stored', async (t) => {
  const us = draws(2)
  const cohort = cohortWith(us)
  report(cohort, us[0]!, KEPT, 5)
  const [slice] = cohort.slices as [Slice]
  const stored = storeSlice(slice)
  t.match(stored.evidence, { lost: [], tokens: [50, 50] })
  t.strictSame(restoreSlice(throughStore(stored)), { ...slice, isShared: false })
  t.strictSame(restoreSlice(throughStore(storeSlice(newSlice(1, 2, 0)))), newSlice(1, 2, 0))
})

const rules: CohortRules = {
  followUp: 1_800_000, wait: 12_000, span: 0, stops: 0, labelRate: 1, scoring: null, worstUnit: () => null,
}

t.test('control outcomes that await a label are listed in the order of enrolment', async (t) => {
  const cohort = new Cohort('1-0')
  const enrol = (u: number, clock: number) => cohort.enrol({ key: '*', epoch: '1-0', share: 0.5, draws: [[u, 0.1]] }, clock, rules)[0]!
  const [second, first, silent] = [enrol(0.3, 200), enrol(0.2, 200), enrol(0.1, 100)]
  for (const [member, ids] of [[second, ['s']], [first, ['b', 'a']]] as const) {
    for (const generation_id of ids) cohort.report(member, { kind: 'awaits_label', generation_id }, 2, 300, rules)
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
