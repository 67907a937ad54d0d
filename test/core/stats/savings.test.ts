import fc from 'fast-check'
import assert from 'node:assert'
import t from 'tap'
import {
  addControl, addTreated, advanceDay, estimateSavings, firstDay, generationsPerDay, NO_SAVINGS, type Savings,
} from '../../../src/core/stats/savings.js'

const isClose = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

/** Treated generations without tokens after their crossings. */
function withTreated (savings: Savings, count: number): Savings {
  for (let i = 0; i < count; i++) savings = addTreated(savings, 0)
  return savings
}

t.test('the estimate and its interval, calculated by hand', async (t) => {
  let savings = withTreated(addTreated(NO_SAVINGS, 100), 15)
  for (let i = 0; i < 8; i++) savings = addControl(addControl(savings, 80, 0.5), 120, 0.5)
  // w = 1, m = 100, e = 20 or -20: variance 6,400 + 6,400, 15.385 effective units, so an error of 0.0731 of 1,600, and t = 2.1386.
  const { estimate, low, high } = estimateSavings(savings)!
  t.equal(estimate, 1500)
  t.ok(Math.abs(low - 1268.4) < 0.1 && Math.abs(high - 1770.9) < 0.1, `${low} to ${high}`)
})

t.test('nothing is saved before the first treated generation; with too little evidence there is no estimate', async (t) => {
  t.same(estimateSavings(addControl(NO_SAVINGS, 100, 0.5)), { estimate: 0, low: 0, high: 0 })
  let savings = withTreated(NO_SAVINGS, 10)
  t.equal(estimateSavings(savings), null)
  for (let i = 0; i < 4; i++) savings = addControl(savings, 100, 0.02)
  t.equal(estimateSavings(savings), null, 'four units')
  savings = addControl(savings, 100, 0.02)
  t.same(estimateSavings(savings), { estimate: 1000, low: 1000, high: 1000 })
  t.equal(estimateSavings(addControl(savings, 10_000, 0.02)), null, 'a much longer generation makes it too uncertain')
})

const samples = fc.array(fc.record({ tokens: fc.nat(10_000), share: fc.constantFrom(0.02, 0.1, 0.5, 1) }), { maxLength: 40 })

t.test('units add up in any order, and those drawn at a share of 1 stand for nobody', async () => {
  fc.assert(fc.property(samples, fc.nat(500), (drawn, treated) => {
    const sumOf = (all: typeof drawn) =>
      all.reduce((sum, { tokens, share }) => addControl(sum, tokens, share), withTreated(NO_SAVINGS, treated))
    const forward = estimateSavings(sumOf(drawn))
    const backward = estimateSavings(sumOf([...drawn].reverse().filter(({ share }) => share < 1)))
    if (forward === null || backward === null) return forward === backward
    for (const field of ['estimate', 'low', 'high'] as const) {
      assert.ok(Number.isFinite(forward[field]))
      assert.ok(isClose(forward[field], backward[field]))
    }
    return forward.low <= forward.estimate && forward.estimate <= forward.high
  }))
})

t.test('the samples of a group vary together', async (t) => {
  const groups = Array.from({ length: 12 }, (_, i) => i % 2 === 0 ? 80 : 120)
  let [apart, together] = [withTreated(NO_SAVINGS, 200), withTreated(NO_SAVINGS, 200)]
  for (const tokens of groups) {
    for (let sample = 0; sample < 4; sample++) {
      apart = addControl(apart, tokens, 0.1)
      together = addControl(together, tokens, 0.1, { samples: sample, tokens: sample * tokens })
    }
  }
  t.ok(isClose(together.control.squared.tt, groups.reduce((sum, tokens) => sum + (9 * 4 * tokens) ** 2, 0)), 'the square of the sum of a group')
  const [narrow, wide] = [estimateSavings(apart)!, estimateSavings(together)!]
  t.equal(narrow.estimate, wide.estimate)
  t.ok(wide.high - wide.low > 1.9 * (narrow.high - narrow.low), 'four equal samples say no more than one')
})

t.test('generations a day are those of the last 24 hours, as far as they are known', async (t) => {
  const hour = 3_600_000
  const report = (day: ReturnType<typeof firstDay>, at: number) => advanceDay(day, { sums: NO_SAVINGS, probe_tokens: 0 }, false, at)
  let day = firstDay(0)
  for (let i = 0; i < 6; i++) day = report(day, i)
  t.equal(generationsPerDay(day, hour - 1), null)
  t.equal(generationsPerDay(day, hour), 6 * 24)
  t.equal(generationsPerDay(day, 12 * hour), 12)
  t.equal(generationsPerDay(day, 25 * hour), 0, 'nothing in the last 24 hours')
  day = report(day, 48 * hour)
  t.equal(generationsPerDay(day, 48 * hour), 1, 'a day that ends after a silence counts its last 24 hours')
  for (let i = 0; i < 10; i++) day = report(day, 54 * hour)
  t.equal(generationsPerDay(day, 54 * hour), 10 + 0.75, 'ten since, and three quarters of the day before')
  t.equal(generationsPerDay(day, 72 * hour), 10, 'the day before no longer counts')
  t.equal(generationsPerDay(day, 96 * hour), 0, 'nothing since')
})

t.test('a context that falls silent soon counts no generations a day', async (t) => {
  const hour = 3_600_000
  let day = firstDay(0)
  for (let i = 0; i <= 24; i++) day = advanceDay(day, { sums: NO_SAVINGS, probe_tokens: 0 }, false, i * (hour - 1))
  t.equal(generationsPerDay(day, 24 * hour), 25)
  t.equal(Math.round(generationsPerDay(day, 36 * hour)! * 10), 125, 'half of them')
  t.equal(generationsPerDay(day, 60 * hour), 0)
  t.equal(generationsPerDay(day, 31 * 24 * hour), 0)
})
