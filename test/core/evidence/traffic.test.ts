import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Traffic } from '../../../src/core/evidence/traffic.js'
import { holds } from '../../property.js'

const SPAN = 1_800_000

/** Adds so many generations a second, of which a share is enrolled. */
function run (traffic: Traffic, perSecond: number, from: number, seconds: number, share = 1): void {
  for (let second = from; second < from + seconds; second++) traffic.add(perSecond * share, perSecond, 1000 * second, SPAN)
}

t.test('the traffic of steady generations is their number in a span, from the first minute on', async (t) => {
  const traffic = new Traffic()
  for (let second = 0; second < 7200; second++) {
    run(traffic, 4, second, 1, second < 60 ? 0.25 : 0.1)
    const found = traffic.perSpan(1000 * (second + 1), SPAN, 1)
    if (second >= 60 && Math.abs(found / 7200 - 1) > 0.02) t.fail(`${found} after ${second} s`)
  }
  t.equal(Math.round(100 * traffic.enrolledShare(7_200_000, SPAN)), 10, 'the share of the last span')
})

t.test('a burst counts at once, and no longer than a span', async (t) => {
  const traffic = new Traffic()
  run(traffic, 1, 0, 3600)
  run(traffic, 100, 3600, 10)
  t.ok(Math.abs(traffic.perSpan(3_610_000, SPAN, 1) - 2790) < 60)
  run(traffic, 1, 3610, 1900)
  t.ok(Math.abs(traffic.perSpan(5_510_000, SPAN, 1) - 1800) < 60)
})

t.test('without traffic there is none', async (t) => {
  const traffic = new Traffic()
  t.strictSame([traffic.age(5), traffic.perSpan(5, SPAN, 1), traffic.enrolledShare(5, SPAN)], [0, 0, 1])
  run(traffic, 4, 0, 10)
  t.strictSame([traffic.age(2 * SPAN), traffic.perSpan(2 * SPAN, SPAN, 1), traffic.enrolledShare(2 * SPAN, SPAN)], [2 * SPAN, 0, 1])
})

t.test('the traffic is the same when it was stored and restored, and its state stays small', async (t) => {
  const step = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 90_000 }))
  holds(t, fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const whole = new Traffic()
    let stored = new Traffic()
    let clock = 0
    for (const [units, passed] of steps) {
      clock += passed
      for (const traffic of [whole, stored]) traffic.add(units, 2 * units, clock, SPAN)
      stored = new Traffic(JSON.parse(JSON.stringify(stored.store())))
      assert.equal(whole.perSpan(clock, SPAN, 1), stored.perSpan(clock, SPAN, 1))
      assert.equal(whole.age(clock), stored.age(clock))
      assert.ok(stored.store().pieces.length <= 65)
    }
  }))
})
