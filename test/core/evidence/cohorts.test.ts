import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Cohort } from '../../../src/core/evidence/cohort.js'
import { advanceClock, Cohorts, NEW_CLOCK, storeCohort } from '../../../src/core/evidence/cohorts.js'
import { holds, numRuns } from '../../property.js'
import { draws, entryOf, RULES } from './cohort-fixtures.js'
import { events, Player, rules, timed } from './random-cohort.js'

t.test('a cohort that is stored and restored at any moment goes on as the original, to the bit', async (t) => {
  holds(t, fc.property(events, fc.nat(8), (all, every) => {
    const story = timed(all)
    const [whole, restarted] = [new Player(rules), new Player(rules)]
    for (const [i, one] of story.entries()) {
      whole.play(one)
      restarted.play(one)
      if (every === 0 || i % every === 0) restarted.restart()
      assert.deepEqual(restarted.totals, whole.totals)
      assert.deepEqual(restarted.prefixes(), whole.prefixes())
      assert.deepEqual(storeCohort(restarted.cohort), JSON.parse(JSON.stringify(storeCohort(whole.cohort))))
    }
  }), numRuns(15, 30))
})

t.test('stored state stays unchanged while the cohort goes on, since commits are encoded beside the learner', async (t) => {
  holds(t, fc.property(events, (all) => {
    const player = new Player(rules)
    let [stored, text] = [storeCohort(player.cohort), '']
    for (const [i, one] of timed(all).entries()) {
      if (i % 3 === 0) text = JSON.stringify(stored = storeCohort(player.cohort))
      player.play(one)
      player.cohort.addEarly({ u: 0.5, generation_id: `g${i}`, until: Infinity })
      assert.equal(JSON.stringify(stored), text)
    }
  }), 30)
})

const listOf = (boot: string, number: number) => ({ type: 'enrolment', boot, number, age: 0, entries: [] }) as const

t.test('E2: a list that is sent twice counts once', async (t) => {
  const cohorts = new Cohorts()
  t.equal(cohorts.admit(listOf('a', 1), 0), 0)
  t.equal(cohorts.admit(listOf('a', 1), 0), null)
  t.equal(cohorts.admit(listOf('a', 2), 0), 0)
  t.equal(cohorts.admit(listOf('a', 1), 0), null, 'lists of a process come in their order')
  t.equal(cohorts.admit(listOf('b', 1), 0), 0, 'another process numbers its own')
  const restored = new Cohorts(JSON.parse(JSON.stringify(cohorts.header)))
  t.equal(restored.admit(listOf('a', 2), 0), null, 'what is known is stored')
})

t.test('the log bounds the delay of a list', async (t) => {
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
  cohort.report(cohort.members.get(u!)!, { kind: 'awaits_label', generation_id: 'waiting' }, 1, 0, RULES)
  cohort.addEarly({ u: 0.5, generation_id: 'early', until: 10 })
  t.strictSame(cohorts.drop('x'), ['waiting', 'early'])
  t.strictSame(cohorts.drop('x'), [])
  t.equal(cohorts.get('x'), undefined)
})

t.test('only changed cohorts go into a commit', async (t) => {
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

const GAP = 5000
const after = (...times: number[]) => times.reduce((clock, time) => advanceClock(clock, time, GAP), NEW_CLOCK)

t.test('E3: follow-up is measured in the log\'s time, in which a gap of more than 5 s counts as 5 s', async (t) => {
  t.equal(after(1000).passed, 0, 'the first entry starts it')
  t.equal(after(1000, 4000).passed, 3000)
  t.equal(after(1000, 6000).passed, 5000)
  t.equal(after(1000, 3_600_000).passed, 5000, 'an hour without an entry')
})

t.test('the clock does not go back if the log\'s time does', async (t) => {
  t.strictSame(after(4000, 1000), { time: 4000, passed: 0 })
  t.equal(after(4000, 1000, 4500).passed, 500, 'and counts no time twice')
})

t.test('the clock never outruns the log', async (t) => {
  holds(t, fc.property(fc.array(fc.nat(100_000), { minLength: 1 }), (times) => {
    const { passed, time } = after(...times)
    return passed >= 0 && time === Math.max(...times) && passed <= time - times[0]!
  }))
})
