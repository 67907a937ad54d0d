import t from 'tap'
import { Admission, EarlyOutcomes, MAX_EARLY_OUTCOMES } from '../../../src/core/evidence/admission.js'
import { entryOf, RULES } from './cohort-fixtures.js'

const throughStore = (admission: Admission) => new Admission(JSON.parse(JSON.stringify(admission.store())))

/** The units of the entry that may enrol at a clock of 0. */
const admitted = (admission: Admission, us: readonly number[], enrolled: readonly number[] = []) =>
  [...admission.admissible(entryOf(us), new Map(enrolled.map((u) => [u, u])), 0).keys()]

t.test('a unit enrols once: not while it is enrolled, and not after it was accounted for, void or missed', async (t) => {
  const admission = new Admission()
  admission.addAccounted({ u: 0.2 }, 0, RULES)
  admission.addVoid([0.3], 0, RULES)
  admission.spent.addMissed(0.4, 10, 0)
  t.strictSame(admitted(admission, [0.1, 0.2, 0.3, 0.4, 0.5, 0.5], [0.1]), [0.5])
  t.strictSame(admitted(throughStore(admission), [0.1, 0.2, 0.3, 0.4, 0.5], [0.1]), [0.5], 'from the store')
  t.ok(admission.spent.isMissed(0.4, 0, false) && !admission.spent.isMissed(0.3, 0, false))
})

t.test('E2: treated generations are never enrolled', async (t) => {
  t.strictSame([...new Admission().admissible(entryOf([0.1, 0.3, 0.5], { share: 0.3 }), new Map(), 0).keys()], [0.1])
})

const early = (generation_id: string, u: number, until: number) => ({ generation_id, u, until })

t.test('early outcomes are taken by their unit, or when their wait is over', async (t) => {
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

t.test('an outcome that was given up leaves the others of its unit', async (t) => {
  const outcomes = new EarlyOutcomes([early('a', 0.1, 10), early('b', 0.1, 20)])
  t.match(outcomes.dropUntil(10), [{ generation_id: 'a' }])
  t.notOk(outcomes.has('a'))
  t.match(outcomes.takeOf(0.1), [{ generation_id: 'b' }])
})

t.test('there is room for a number of them', async (t) => {
  const outcomes = new EarlyOutcomes()
  t.ok(Array.from({ length: MAX_EARLY_OUTCOMES }, (_, i) => early(`${i}`, i / 1e6, i)).every((one) => outcomes.add(one)))
  t.notOk(outcomes.add(early('more', 0.5, 9)))
  t.equal(outcomes.size, MAX_EARLY_OUTCOMES)
})
