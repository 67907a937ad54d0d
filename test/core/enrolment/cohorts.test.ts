import t from 'tap'
import { Cohorts } from '../../../src/core/enrolment/cohorts.js'
import { Cohort } from '../../../src/core/enrolment/cohort.js'
import { storeCohort } from '../../../src/core/enrolment/cohort-storage.js'
import { draws, entryOf, RULES } from './cohort-fixtures.js'

const listOf = (boot: string, number: number) => ({ type: 'enrolment', boot, number, age: 0, entries: [] }) as const

t.test('rule 2: a list that is sent twice counts once', async (t) => {
  const cohorts = new Cohorts()
  t.equal(cohorts.admit(listOf('a', 1), 0), 0)
  t.equal(cohorts.admit(listOf('a', 1), 0), null)
  t.equal(cohorts.admit(listOf('a', 2), 0), 0)
  t.equal(cohorts.admit(listOf('a', 1), 0), null, 'lists of a process come in their order')
  t.equal(cohorts.admit(listOf('b', 1), 0), 0, 'another process numbers its own')
  const restored = new Cohorts(JSON.parse(JSON.stringify(cohorts.header)))
  t.equal(restored.admit(listOf('a', 2), 0), null, 'what is known is stored')
})

t.test('the log tells how long a list was on its way', async (t) => {
  const cohorts = new Cohorts()
  cohorts.admit(listOf('a', 1), 1000)
  t.equal(cohorts.admit({ ...listOf('a', 2), after: 200 }, 1250), 50)
  t.equal(cohorts.admit({ ...listOf('a', 3), after: 100 }, 61_350), 60_000, 'a list that a partition held up for a minute')
  t.equal(cohorts.admit({ ...listOf('a', 4), after: 100 }, 61_350), 0, 'the clock of the log stands still')
  t.equal(cohorts.admit({ ...listOf('b', 1), after: 100 }, 90_000), 0, 'its last list is not known')
})

t.test('processes that have sent nothing for an hour are forgotten', async (t) => {
  const cohorts = new Cohorts()
  cohorts.advance(0, 5000)
  cohorts.admit(listOf('old', 1), 0)
  for (let time = 0; time <= 3_700_000; time += 5000) cohorts.advance(time, 5000)
  cohorts.admit(listOf('new', 1), 3_700_000)
  t.strictSame(Object.keys(cohorts.header.boots), ['new'])
})

t.test('the cohort of another epoch is replaced by an empty one', async (t) => {
  const cohorts = new Cohorts()
  const first = cohorts.of('x', '1-1')
  first.enrol(entryOf(draws(3)), 0, RULES)
  t.equal(cohorts.of('x', '1-1'), first)
  t.equal(cohorts.of('x', '2-1').open, 0)
})

t.test('a dropped cohort names the outcomes that were kept for it', async (t) => {
  const cohorts = new Cohorts()
  const cohort = cohorts.of('x', '1-1')
  const [u] = draws(1)
  cohort.enrol(entryOf([u!]), 0, RULES)
  cohort.report(cohort.members.get(u!)!, { kind: 'awaits_label', generation_id: 'waiting', tokens: 1 }, 1, 0, RULES)
  cohort.addEarly({ u: 0.5, generation_id: 'early', until: 10 })
  t.strictSame(cohorts.drop('x'), ['waiting', 'early'])
  t.strictSame(cohorts.drop('x'), [])
  t.equal(cohorts.get('x'), undefined)
})

t.test('only what was touched goes into a commit', async (t) => {
  const stored = new Cohort('1-1')
  const cohorts = new Cohorts(undefined, [['x', stored], ['y', new Cohort('1-1')]])
  t.strictSame(cohorts.takeChanges(), new Map())
  cohorts.of('x', '1-1').enrol(entryOf(draws(2)), 0, RULES)
  t.ok(stored.isDirty)
  t.strictSame(cohorts.takeChanges(), new Map([['x', storeCohort(stored)]]))
  t.notOk(stored.isDirty)
  cohorts.drop('y')
  t.strictSame(cohorts.takeChanges(), new Map([['y', undefined]]))
})
