import t from 'tap'
import { EarlyOutcomes, MOST_EARLY } from '../../../src/core/enrolment/early-outcomes.js'

const early = (generation_id: string, u: number, until: number) => ({ generation_id, u, until })

t.test('outcomes are taken by their unit, or when their wait is over', async (t) => {
  const all = [early('a', 0.1, 10), early('b', 0.2, 20), early('c', 0.1, 30), early('d', 0.3, 30)]
  const outcomes = new EarlyOutcomes(all)
  t.equal(outcomes.firstUntil, 10)
  t.strictSame(outcomes.takeOf(0.1), [all[0], all[2]])
  t.strictSame(outcomes.takeOf(0.1), [])
  t.equal(outcomes.firstUntil, 20)
  t.strictSame(outcomes.dropUntil(19), [])
  t.strictSame(outcomes.dropUntil(20), [all[1]])
  t.strictSame(outcomes.list, [all[3]])
  t.equal(new EarlyOutcomes().firstUntil, Infinity)
})

t.test('there is room for a number of them', async (t) => {
  const outcomes = new EarlyOutcomes()
  t.ok(Array.from({ length: MOST_EARLY }, (_, i) => early(`${i}`, 0.5, i)).every((one) => outcomes.add(one)))
  t.notOk(outcomes.add(early('more', 0.5, 9)))
  t.equal(outcomes.list.length, MOST_EARLY)
})
