import t from 'tap'
import { Admission, DrawBounds, EarlyOutcomes, MAX_EARLY_OUTCOMES } from '../../../src/core/enrolment/admission.js'
import { entryOf, FOLLOW_UP, RULES } from './cohort-fixtures.js'

const throughStore = (admission: Admission) => new Admission(JSON.parse(JSON.stringify(admission.store())))

/** The units of the entry that may enrol at a clock of 0. */
const admitted = (admission: Admission, us: readonly number[], enrolled: readonly number[] = []) =>
  [...admission.admissible(entryOf(us), new Map(enrolled.map((u) => [u, u])), 0).keys()]

t.test('a unit enrols once: not while it is enrolled, and not after it was accounted for, void or missed', async (t) => {
  const admission = new Admission()
  admission.addAccounted({ u: 0.2 }, 0, RULES)
  admission.addVoid(new Map([[0.3, 0.3]]), 0, RULES)
  admission.spent.addMissed(0.4)
  t.strictSame(admitted(admission, [0.1, 0.2, 0.3, 0.4, 0.5, 0.5], [0.1]), [0.5])
  t.strictSame(admitted(throughStore(admission), [0.1, 0.2, 0.3, 0.4, 0.5], [0.1]), [0.5], 'from the store')
  t.ok(admission.spent.isMissed(0.4) && !admission.spent.isMissed(0.3))
})

t.test('an entry states bounds; a void entry thins nothing', async (t) => {
  const admission = new Admission()
  admission.addBounds(entryOf([], { cutoff: 0.3, share: 0.1 }), 'age', 0, RULES)
  t.strictSame(admitted(admission, [0.1, 0.4]), [0.1, 0.4])
  t.ok(admission.mayEnrol(0.19, 0.9, 0, 2 * RULES.wait - 1), 'the share counts for two waits')
  t.notOk(admission.mayEnrol(0.19, 0.9, 0, 2 * RULES.wait))
  admission.addBounds(entryOf([], { cutoff: 0.3 }), null, 0, RULES)
  t.strictSame(admitted(admission, [0.1, 0.4]), [0.1])
  t.strictSame(admitted(throughStore(admission), [0.1, 0.4]), [0.1])
  t.notOk(admission.mayEnrol(0.1, 0.3, 1, FOLLOW_UP - 1))
  t.ok(admission.mayEnrol(0.1, 0.3, 1, FOLLOW_UP), 'a cutoff counts for one follow-up')
})

t.test('an entry that came too late explains the draws that it left out, for one follow-up', async (t) => {
  const admission = new Admission()
  admission.addBounds(entryOf([], { cutoff: 0.2, control_left_out: 9 }), 'epoch', 0, RULES)
  t.notOk(admission.takeLate(0.9, 1, 0), 'the epoch before')
  admission.addBounds(entryOf([], { cutoff: 0.5, control_left_out: 2 }), 'age', 0, RULES)
  for (const one of [throughStore(admission), admission]) {
    t.ok(one.takeLate(0.5, 1, FOLLOW_UP - 1))
    t.notOk(one.takeLate(0.49, 1, 0))
    t.notOk(one.takeLate(0.5, 1, FOLLOW_UP))
  }
})

t.test('late entries explain as many unknown draws as they left out', async (t) => {
  const admission = new Admission()
  admission.addBounds(entryOf([], { cutoff: 0.6, control_left_out: 1 }), 'age', 0, RULES)
  admission.addBounds(entryOf([], { cutoff: 0.5, control_left_out: 2 }), 'age', 1, RULES)
  const stored = throughStore(admission)
  for (const one of [admission, stored]) {
    t.same([1, 0.5, 0.5, 1, 1].map((units) => one.takeLate(0.9, units, 2)), [true, true, true, true, false], '3 in all')
  }
  t.notOk(throughStore(stored).takeLate(0.9, 1, 2), 'the count is stored')
  admission.addBounds(entryOf([], { cutoff: 0.7 }), 'age', 3, RULES)
  t.notOk(admission.takeLate(0.9, 1, 3), 'no control draw')
})

t.test('rule 2: many entries with cutoffs keep only those that may still decide', async (t) => {
  const admission = new Admission()
  for (let i = 0; i < 500; i++) admission.addBounds(entryOf([], { cutoff: 0.5 }), null, i, RULES)
  t.match(admission.store().bounds, { cutoffs: { length: 1 }, shares: { length: 1 } })
})

t.test('if there is no room for an early outcome, entries are void until it would have been given up', async (t) => {
  const admission = new Admission()
  const early = (i: number) => ({ u: i / 10_000, generation_id: `g${i}`, until: 100 + i })
  for (let i = 0; i < MAX_EARLY_OUTCOMES; i++) t.ok(admission.addEarly(early(i)))
  t.notOk(admission.isVoid(0))
  t.notOk(admission.addEarly(early(5000)))
  for (const one of [admission, throughStore(admission)]) {
    t.ok(one.isVoid(5099))
    t.notOk(one.isVoid(5100))
    t.equal(one.early.firstUntil, 100)
    t.same(one.early.takeOf(0.0001), [early(1)])
    t.same(one.early.dropUntil(102), [early(0), early(2)])
    t.equal(one.early.list.length, MAX_EARLY_OUTCOMES - 3)
  }
})

t.test('the smallest cutoff and the largest share hold while they last', async (t) => {
  const bounds = new DrawBounds()
  t.equal(bounds.cutoff(0), Infinity)
  t.equal(bounds.widestShare(0.1, 0), 0.1)
  bounds.addCutoff({ value: 0.3, until: 10 }, 0)
  bounds.addCutoff({ value: 0.5, until: 20 }, 5)
  t.strictSame([9, 10, 20].map((clock) => bounds.cutoff(clock)), [0.3, 0.5, Infinity])
  bounds.addShare({ value: 0.4, until: 10 }, 0)
  bounds.addShare({ value: 0.2, until: 20 }, 5)
  t.strictSame([9, 10, 20].map((clock) => bounds.widestShare(0.1, clock)), [0.4, 0.2, 0.1])
  t.equal(bounds.widestShare(0.6, 9), 0.6)
  const copy = new DrawBounds(JSON.parse(JSON.stringify(bounds.store())))
  t.strictSame([copy.cutoff(9), copy.widestShare(0.1, 10)], [0.3, 0.2])
})

t.test('only bounds that may still decide are kept', async (t) => {
  const bounds = new DrawBounds()
  for (let clock = 0; clock < 50; clock++) {
    bounds.addCutoff({ value: 0.5, until: clock + 100 }, clock)
    bounds.addShare({ value: 0.5, until: clock + 100 }, clock)
  }
  t.match(bounds.store(), { cutoffs: { length: 1 }, shares: { length: 1 } })
  bounds.addCutoff({ value: 0.6, until: 200 }, 50)
  t.equal(bounds.store().cutoffs.length, 2)
  bounds.addCutoff({ value: 0.1, until: 300 }, 150)
  t.strictSame(bounds.store().cutoffs, [{ value: 0.1, until: 300 }], 'a cutoff that lasts longer and cuts off more replaces the others')
})

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
  t.ok(Array.from({ length: MAX_EARLY_OUTCOMES }, (_, i) => early(`${i}`, 0.5, i)).every((one) => outcomes.add(one)))
  t.notOk(outcomes.add(early('more', 0.5, 9)))
  t.equal(outcomes.list.length, MAX_EARLY_OUTCOMES)
})
