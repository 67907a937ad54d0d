import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  addDifference, addUnchanged, countQueued, countTreated, type Fidelity, fidelityRatio, fidelitySuspicion, NO_FIDELITY, servedDifference,
  type ServedDifference,
} from '../../../src/core/certificate/fidelity.js'
import { holds } from '../../property.js'
import { mulberry32, rateOf } from '../../random.js'
import { vectors } from '../../test-data.js'

const BOUND = 0.02
const ALARM = 1e4

t.test('the detector agrees with an independent implementation (test/data/vectors/breach.json)', async (t) => {
  for (const { name, d, mean } of vectors('breach').fidelity) {
    let fidelity = NO_FIDELITY
    for (const [i, difference] of (d as ServedDifference[]).entries()) {
      fidelity = addDifference(fidelity, difference, BOUND)
      const found = fidelity.detector.reduce((sum, m) => sum + m, 0) / fidelity.detector.length
      if (mean[i] > 1e8) break // near the ceiling, which the reference lacks
      t.ok(Math.abs(found / mean[i] - 1) <= 1e-9, `${name}, unit ${i}: ${found}, expected ${mean[i]}`)
    }
  }
})

t.test('many generations without a difference count like one after the other', async (t) => {
  holds(t, fc.property(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 0, max: 30 }), (unchanged, losses) => {
    let start = NO_FIDELITY
    for (let i = 0; i < losses; i++) start = addDifference(start, 1, BOUND)
    let single = start
    for (let i = 0; i < unchanged; i++) single = addDifference(single, 0, BOUND)
    assert.deepEqual(addUnchanged(start, unchanged, BOUND), single)
  }), 20)
})

/** Units until the alarm, where a share of all treated generations is lost between probe and served answer; Infinity: within `most`. */
function unitsToAlarm (random: () => number, loss: number, most: number): number {
  let fidelity = NO_FIDELITY
  for (let i = 1; i <= most; i++) {
    fidelity = addDifference(fidelity, random() < loss ? 1 : 0, BOUND)
    if (fidelitySuspicion(fidelity) >= ALARM) return i
  }
  return Infinity
}

t.test('losses beyond a quarter of the bound are found, the larger ones sooner', async (t) => {
  for (const [loss, most] of [[0.02, 3000], [0.1, 400], [0.3, 120]] as const) {
    t.ok(rateOf(20, (random) => unitsToAlarm(random, loss, most) <= most) >= 0.9, `${100 * loss} points within ${most} generations`)
  }
})

t.test('a loss of exactly a quarter of the bound raises no alarm', async (t) => {
  t.equal(rateOf(20, (random) => unitsToAlarm(random, BOUND / 4, 10_000) < Infinity), 0)
})

t.test('losses offset by gains raise no alarm', async (t) => {
  const random = mulberry32(5)
  let fidelity = NO_FIDELITY
  for (let i = 0; i < 5000; i++) {
    const draw = random()
    fidelity = addDifference(fidelity, draw < 0.05 ? 1 : draw < 0.1 ? -1 : 0, BOUND)
  }
  t.ok(fidelitySuspicion(fidelity) < ALARM)
})

t.test('stops are counted, and those without a probe are left out of the interval', async (t) => {
  t.equal(fidelityRatio(NO_FIDELITY), null)
  t.equal(servedDifference(NO_FIDELITY, 0.05), null)
  let fidelity: Fidelity = NO_FIDELITY
  for (let i = 0; i < 90; i++) fidelity = addDifference(countTreated(fidelity, { isEqual: true }), 0, BOUND)
  for (let i = 0; i < 100; i++) fidelity = addDifference(countTreated(fidelity, undefined), 0, BOUND)
  for (const difference of [1, 1, 1, -1, 0] as const) {
    fidelity = addDifference(countTreated(fidelity, { isEqual: false }), difference, BOUND)
  }
  fidelity = countTreated(fidelity, null)
  t.match(fidelity, { generations: 196, stops: 95, equal: 90, unobserved: 1, lost: 3, gained: 1, queued: 0 })
  t.same(fidelity.recent, { all: 96, equal: 90, unobserved: 1 })
  t.equal(fidelityRatio(fidelity), 90 / 95)
  const { estimate, low, high } = servedDifference(fidelity, 0.05)!
  t.equal(estimate, 2 / (196 * 95 / 96))
  t.ok(low < estimate && estimate < high)
  let unseen: Fidelity = { ...fidelity, unobserved: 0, generations: 195 }
  for (let i = 0; i < 95; i++) unseen = countTreated(unseen, null)
  t.equal(servedDifference(unseen, 0.05)!.estimate, 2 / 145, 'half of the stops stand for all')
  t.ok(servedDifference(unseen, 0.05)!.high > high)
  const waiting = servedDifference(countQueued(fidelity), 0.05)!
  t.ok(waiting.high > high, 'a stop that waits for a label counts as lost in the upper bound')
  t.equal(waiting.low, low)
})
