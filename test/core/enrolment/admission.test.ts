import t from 'tap'
import { Admission } from '../../../src/core/enrolment/admission.js'
import { MOST_EARLY } from '../../../src/core/enrolment/early-outcomes.js'
import { entryOf, FOLLOW_UP, RULES } from './cohort-fixtures.js'

const throughStore = (admission: Admission) => new Admission(JSON.parse(JSON.stringify(admission.store())))

/** The units of the entry that may enrol at a clock of 0. */
const admitted = (admission: Admission, us: readonly number[], enrolled: readonly number[] = []) =>
  [...admission.admissible(entryOf(us), new Map(enrolled.map((u) => [u, u])), 0).keys()]

t.test('a unit enrols once: not while it is enrolled, and not after it was accounted for, void or missed', async (t) => {
  const admission = new Admission()
  admission.addAccounted(0.2, 0, RULES)
  admission.addVoid(new Map([[0.3, 0.3]]), 0, RULES)
  admission.spent.addMissed(0.4)
  t.strictSame(admitted(admission, [0.1, 0.2, 0.3, 0.4, 0.5, 0.5], [0.1]), [0.5])
  t.strictSame(admitted(throughStore(admission), [0.1, 0.2, 0.3, 0.4, 0.5], [0.1]), [0.5], 'from the store')
  t.ok(admission.spent.isMissed(0.4) && !admission.spent.isMissed(0.3))
})

t.test('an entry states bounds; a void one thins nobody', async (t) => {
  const admission = new Admission()
  admission.addBounds(entryOf([], { cutoff: 0.3, share: 0.1 }), true, 0, RULES)
  t.strictSame(admitted(admission, [0.1, 0.4]), [0.1, 0.4])
  t.ok(admission.mayEnrol(0.19, 0.9, 0, 2 * RULES.wait - 1), 'the share counts for two waits')
  t.notOk(admission.mayEnrol(0.19, 0.9, 0, 2 * RULES.wait))
  admission.addBounds(entryOf([], { cutoff: 0.3 }), false, 0, RULES)
  t.strictSame(admitted(admission, [0.1, 0.4]), [0.1])
  t.strictSame(admitted(throughStore(admission), [0.1, 0.4]), [0.1])
  t.notOk(admission.mayEnrol(0.1, 0.3, 1, FOLLOW_UP - 1))
  t.ok(admission.mayEnrol(0.1, 0.3, 1, FOLLOW_UP), 'a cutoff counts for one follow-up')
})

t.test('rule 2: many entries with cutoffs keep only those that may still decide', async (t) => {
  const admission = new Admission()
  for (let i = 0; i < 500; i++) admission.addBounds(entryOf([], { cutoff: 0.5 }), false, i, RULES)
  t.match(admission.store().bounds, { cutoffs: { length: 1 }, shares: { length: 1 } })
})

t.test('where an early outcome finds no room, entries are void until it would have been given up', async (t) => {
  const admission = new Admission()
  const early = (i: number) => ({ u: i / 10_000, generation_id: `g${i}`, until: 100 + i })
  for (let i = 0; i < MOST_EARLY; i++) t.ok(admission.addEarly(early(i)))
  t.notOk(admission.isVoid(0))
  t.notOk(admission.addEarly(early(5000)))
  for (const one of [admission, throughStore(admission)]) {
    t.ok(one.isVoid(5099))
    t.notOk(one.isVoid(5100))
    t.equal(one.early.firstUntil, 100)
    t.same(one.early.takeOf(0.0001), [early(1)])
    t.same(one.early.dropUntil(102), [early(0), early(2)])
    t.equal(one.early.list.length, MOST_EARLY - 3)
  }
})
