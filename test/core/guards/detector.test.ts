import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Detector, suspicion, type Wealth } from '../../../src/core/guards/detector.js'
import { holds } from '../../property.js'
import { vectors } from '../../test-data.js'

const DETECTOR = new Detector({ bets: [0.25, 0.5, 0.95], suspectedFrom: 2, calmBelow: 1.2 })
const A = 0.02

t.test('a detector agrees with an independent implementation (test/data/vectors/evidence.json)', async (t) => {
  for (const { name, tolerance, bets, differences, means, alarm_after: alarm } of vectors('evidence').detectors) {
    const detector = new Detector({ bets, suspectedFrom: Infinity, calmBelow: Infinity })
    const expected = new Map<number, number>(means)
    let wealth = detector.start
    let alarmAfter: number | null = null
    for (const [i, difference] of differences.entries()) {
      wealth = detector.watch(wealth, difference, tolerance)
      const mean = expected.get(i + 1)
      const found = wealth.reduce((sum, m) => sum + m, 0) / wealth.length
      if (mean !== undefined) t.ok(Math.abs(found / mean - 1) <= 1e-9, `${name}, unit ${i + 1}: ${found}, expected ${mean}`)
      if (detector.isAlarmed(wealth)) alarmAfter ??= i + 1
    }
    t.equal(alarmAfter, alarm, `${name}: units until the alarm`)
  }
})

t.test('M = max(M, 1) (1 + b (d - a)) for each b in bets / (1 + a)', async (t) => {
  const expected = [0.25, 0.5, 0.95].map((b) => b / (1 + A))
  const close = (found: Wealth, wanted: number[], name: string) =>
    t.ok(found.every((m, i) => Math.abs(m - wanted[i]!) < 1e-12 * wanted[i]!), `${name}: ${found}`)
  const lost = DETECTOR.watch(DETECTOR.start, 1, A)
  close(lost, expected.map((b) => 1 + b * 0.98), 'one lost')
  close(DETECTOR.watch(lost, 1, A), expected.map((b) => (1 + b * 0.98) ** 2), 'two lost')
  const gained = DETECTOR.watch(DETECTOR.start, -1, A)
  close(gained, expected.map((b) => 1 - b * 1.02), 'one gained')
  t.ok(gained.every((m) => m > 0), 'never negative')
  close(DETECTOR.watch(gained, 0, A), expected.map((b) => 1 - b * 0.02), 'what was won before is no credit: M starts again from 1')
})

t.test('M has a ceiling, from which it comes down again', async (t) => {
  const highest = DETECTOR.watch(DETECTOR.start, 1, A, 1000)
  t.same(highest, [1e9, 1e9, 1e9])
  t.notOk(DETECTOR.isAlarmed(DETECTOR.watch(highest, -1, A, 50)))
})

t.test('the alarm is raised when the mean of M reaches 1e4', async (t) => {
  t.notOk(DETECTOR.isAlarmed([1, 1, 29_997]))
  t.ok(DETECTOR.isAlarmed([1, 1, 29_998]))
  t.notOk(DETECTOR.isAlarmed(DETECTOR.start))
})

t.test('the evidence of a change is the mean of M, never below 1', async (t) => {
  t.equal(suspicion(DETECTOR.start), 1)
  t.equal(suspicion([0.2, 0.4, 0.6]), 1)
  t.equal(suspicion([1, 2, 6]), 3)
})

t.test('a suspicion that has begun lasts until the mean of M is below the lower level', async (t) => {
  t.notOk(DETECTOR.isSuspected([1, 1, 3.9]))
  t.ok(DETECTOR.isSuspected([1, 1, 4]))
  t.ok(DETECTOR.isSuspected([1.2, 1.2, 1.3], true))
  t.notOk(DETECTOR.isSuspected([1.1, 1.2, 1.2], true))
})

t.test('equal differences at once count like one after the other', async (t) => {
  const differences = fc.array(fc.constantFrom(1, 0, -1, 0.25), { maxLength: 20 })
  holds(t, fc.property(differences, fc.constantFrom(1, 0, -1), fc.integer({ min: 0, max: 3000 }), (before, difference, times) => {
    const start = before.reduce<Wealth>((wealth, d) => DETECTOR.watch(wealth, d, A), DETECTOR.start)
    let single = start
    for (let i = 0; i < times; i++) single = DETECTOR.watch(single, difference, A)
    assert.deepEqual(DETECTOR.watch(start, difference, A, times), single)
  }), 50)
})

t.test('a slice is watched no higher than in any order of its units', async (t) => {
  const wealths = fc.tuple(...DETECTOR.start.map(() => fc.double({ min: 0.1, max: 1e3, noNaN: true })))
  const eighths = fc.oneof(fc.constantFrom(0, 8, -8), fc.integer({ min: -8, max: 8 }))
  const bound = fc.double({ min: 0.001, max: 0.2, noNaN: true })
  holds(t, fc.property(wealths, fc.array(eighths, { minLength: 1, maxLength: 20 }), bound, (wealth, units, a) => {
    const watched = DETECTOR.watchSlice(wealth, units.map((d) => [d / 8, 1] as const), a)
    const inOrder = units.reduce<Wealth>((last, d) => DETECTOR.watch(last, d / 8, a), wealth)
    return watched.every((m, i) => m <= inOrder[i]! * (1 + 1e-9))
  }), 1000)
})
