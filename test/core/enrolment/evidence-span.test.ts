import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { countsWithin, paceOf, Traffic, widestUsefulShare } from '../../../src/core/enrolment/evidence-span.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'

const SPAN = 1_800_000

/** Adds control units evenly, one entry a second. @returns the rate after each */
function rates (traffic: Traffic, perSecond: number, from: number, seconds: number): number[] {
  return Array.from({ length: seconds }, (_, i) => traffic.add(perSecond, perSecond, 1000 * (from + i), SPAN))
}

t.test('the traffic of steady generations is their number in a span', async (t) => {
  const traffic = new Traffic()
  const seen = rates(traffic, 4, 0, 7200)
  for (const at of [120, 1800, 3600, 7199]) t.ok(Math.abs(seen[at]! / 7200 - 1) < 0.06, `${seen[at]} after ${at} s`)
  t.ok(seen[5]! > 0 && seen[5]! < 7200, 'the first minute is not over')
})

t.test('traffic that few control units show is not overestimated', async (t) => {
  const random = mulberry32(3)
  const traffic = new Traffic()
  const at = Array.from({ length: 1800 }, (_, i) => {
    const units = random() < 0.1 ? 1 : 0
    return traffic.add(units, 10 * units, 1000 * i, SPAN)
  })
  for (const second of [600, 1200, 1799]) t.ok(at[second]! > 0.85 * 1800 && at[second]! < 1.5 * 1800, `${at[second]} of 1800 after ${second} s`)
})

t.test('in the first span the busiest minute counts for the whole', async (t) => {
  const traffic = new Traffic()
  rates(traffic, 1, 0, 300)
  const [burst] = rates(traffic, 60, 300, 60).slice(-1)
  t.ok(burst! > 60 * 1800 * 0.8, String(burst))
  const [after] = rates(traffic, 1, 360, 300).slice(-1)
  t.ok(after! >= burst! && after! < 1.01 * burst!, String(after))
})

t.test('a burst after quiet hours is taken for no more than a minute of a busy span', async (t) => {
  const traffic = new Traffic()
  rates(traffic, 0.01, 0, 7200)
  const [burst] = rates(traffic, 40, 7200, 60).slice(-1)
  t.ok(burst! > 40 * 1800 * 0.8, String(burst))
})

t.test('the rate rises at once and falls only after a span', async (t) => {
  const traffic = new Traffic()
  rates(traffic, 1, 0, 3600)
  const [high] = rates(traffic, 20, 3600, 600).slice(-1)
  t.ok(high! > 600 * 20, String(high))
  const after = rates(traffic, 1, 4200, 5400)
  t.ok(Math.abs(after[1200]! / high! - 1) < 0.01, String(after[1200]))
  t.ok(after.at(-1)! < 2200, String(after.at(-1)))
  t.equal(traffic.rate(1000 * 4200 + 4 * 5_400_000, SPAN), 0, 'nothing begins any more')
})

t.test('the traffic is the same when it was stored and restored', async () => {
  const step = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 90_000 }))
  holds(t, fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const whole = new Traffic()
    let stored = new Traffic()
    let clock = 0
    for (const [generations, passed] of steps) {
      clock += passed
      assert.equal(whole.add(generations, 2 * generations, clock, SPAN), stored.add(generations, 2 * generations, clock, SPAN))
      stored = new Traffic(JSON.parse(JSON.stringify(stored.store())))
      assert.equal(whole.rate(clock, SPAN), stored.rate(clock, SPAN))
    }
  }))
})

const RULE = { units: 186, span: SPAN }

t.test('evidence counts its units a span from the traffic, whatever the share', async (t) => {
  for (const [rate, share] of [[7200, 1], [7200, 0.1], [36_000, 0.02]] as const) {
    const control = Math.round(rate * share)
    let counted = 0
    for (let i = 0; i < control; i++) {
      const pace = paceOf(share * i / control, 1000 + i, share, rate)
      if (countsWithin(0, { at: 1000, pace }, RULE)) counted++
    }
    t.ok(Math.abs(counted - 186) < 50, `${counted} of ${control}`)
  }
  t.ok(countsWithin(0, { at: 0, pace: 0 }, RULE), 'without a span it counts all')
})

t.test('older evidence counts more', async (t) => {
  const counts = (pace: number, began: number) => countsWithin(began, { at: 3 * SPAN, pace }, RULE)
  t.strictSame([counts(100, 3 * SPAN), counts(300, 3 * SPAN), counts(300, 0), counts(600, 0)], [true, false, true, false])
})

t.test('a returning unit gets another pace', async (t) => {
  t.not(paceOf(0.3, 1, 1, 1000), paceOf(0.3, 2, 1, 1000))
  t.equal(paceOf(0.3, 1, 1, 1000), paceOf(0.3, 1, 1, 1000))
})

t.test('the useful share grows with the age of the evidence and falls with the traffic', async (t) => {
  const useful = (rate: number, clock: number, span = SPAN) => widestUsefulShare(0, rate, clock, { ...RULE, span })
  t.equal(useful(2325, 0), 0.1)
  t.equal(useful(2325, 2 * SPAN), 0.2)
  t.equal(useful(23_250, 0), 0.01)
  t.equal(useful(0, 0), 1)
  t.equal(useful(2400, 0, 0), 1, 'without a span')
})
