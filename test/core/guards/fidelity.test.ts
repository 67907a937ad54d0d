import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { isBreached } from '../../../src/core/guards/breach.js'
import {
  addDifference, addUnchanged, afterBreach, BREACH, countQueued, countTreated, type Fidelity, fidelityRatio, fidelitySuspicion, NO_FIDELITY,
  servedDifference,
} from '../../../src/core/guards/fidelity.js'
import { holds } from '../../property.js'
import { rateOf } from '../../random.js'

const BOUND = 0.02

t.test('many generations without a difference count like one after the other', async (t) => {
  holds(t, fc.property(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 0, max: 30 }), (unchanged, losses) => {
    let start = NO_FIDELITY
    for (let i = 0; i < losses; i++) start = addDifference(start, 1, BOUND)
    let single = start
    for (let i = 0; i < unchanged; i++) single = addDifference(single, 0, BOUND)
    assert.deepEqual(addUnchanged(start, unchanged, BOUND), single)
  }), 20)
})

/** Generations that differ from their probe both ways, and lose answers besides. */
interface Noisy { readonly loss: number, readonly noise?: number, readonly from?: Fidelity }

/** Treated generations until the alarm; Infinity: within `most`. */
function unitsToAlarm (random: () => number, { loss, noise = 0, from = NO_FIDELITY }: Noisy, most: number): number {
  let fidelity = from
  for (let i = 1; i <= most; i++) {
    const u = random()
    fidelity = addDifference(fidelity, u < noise + loss ? 1 : u < 2 * noise + loss ? -1 : 0, BOUND)
    if (isBreached(fidelity)) return i
  }
  return Infinity
}

t.test('losses beyond a quarter of the bound are found, the larger ones sooner', async (t) => {
  for (const [loss, most] of [[0.02, 3500], [0.1, 600], [0.3, 200]] as const) {
    t.ok(rateOf(20, (random) => unitsToAlarm(random, { loss }, most) <= most) >= 0.9, `${100 * loss} points within ${most} generations`)
  }
})

t.test('a loss of exactly a quarter of the bound raises no alarm', async (t) => {
  t.equal(rateOf(20, (random) => unitsToAlarm(random, { loss: BOUND / 4 }, 10_000) < Infinity), 0)
})

t.test('where a tenth differs each way, equal losses and gains raise no alarm, and three points lost are found', async (t) => {
  t.equal(rateOf(20, (random) => unitsToAlarm(random, { loss: 0, noise: 0.1 }, 20_000) < Infinity), 0)
  t.equal(rateOf(20, (random) => unitsToAlarm(random, { loss: 0.03, noise: 0.1 }, 20_000) < Infinity), 1)
})

t.test('after a breach the detector starts at a tenth of an alarm: a worker that is not repaired is found soon, and a repaired one is calm soon', async (t) => {
  let lossy = NO_FIDELITY
  while (!isBreached(lossy)) lossy = addDifference(addUnchanged(lossy, 9, BOUND), 1, BOUND)
  const from = afterBreach({ ...lossy, lost: 30 })
  t.match(from, { ...NO_FIDELITY, detector: from.detector })
  t.ok(Math.abs(fidelitySuspicion(from) - 1000) < 1e-9)
  t.ok(rateOf(20, (random) => unitsToAlarm(random, { loss: 0.1, from }, 200) <= 200) >= 0.9)
  t.ok(BREACH.isSuspected(addUnchanged(from, 1000, BOUND).detector, true))
  t.notOk(BREACH.isSuspected(addUnchanged(from, 5000, BOUND).detector, true))
})

t.test('stops are counted, and their mean difference is over all treated generations', async (t) => {
  t.equal(fidelityRatio(NO_FIDELITY), null)
  t.equal(servedDifference(NO_FIDELITY, 0.05), null)
  let fidelity: Fidelity = NO_FIDELITY
  for (let i = 0; i < 90; i++) fidelity = addDifference(countTreated(fidelity, { isEqual: true }), 0, BOUND)
  for (let i = 0; i < 100; i++) fidelity = addDifference(countTreated(fidelity, undefined), 0, BOUND)
  for (const difference of [1, 1, 1, -1, 0] as const) {
    fidelity = addDifference(countTreated(fidelity, { isEqual: false }), difference, BOUND)
  }
  t.match(fidelity, { generations: 195, stops: 95, equal: 90, lost: 3, gained: 1, queued: 0 })
  t.same(fidelity.recent, { all: 95, equal: 90 })
  t.equal(fidelityRatio(fidelity), 90 / 95)
  const { estimate, low, high } = servedDifference(fidelity, 0.05)!
  t.equal(estimate, 2 / 195)
  t.ok(low < estimate && estimate < high)
  const waiting = servedDifference(countQueued(fidelity), 0.05)!
  t.ok(waiting.high > high, 'a stop that waits for a label counts as lost in the upper bound')
  t.equal(waiting.low, low)
})
