import fc from 'fast-check'
import t from 'tap'
import { normal } from '../../../src/cli/traces/seeded-random.js'
import {
  EM_SCALE, FORECAST_LEVEL, forecastCoverage, forecastSeries, HORIZON, lineAt, rankAt, theilSen, TOKENS_SCALE, usualGap,
} from '../../../src/core/training/forecast.js'
import { holds } from '../../property.js'
import { atMost, mulberry32, rateOf } from '../../random.js'

const steps = (count: number) => Array.from({ length: count }, (_, i) => 100 * i)

t.test('a line is continued at the usual distance between checkpoints', async (t) => {
  const next = forecastSeries(steps(12), steps(12).map((step) => 0.1 + step / 10_000), EM_SCALE)
  t.same(next.map(({ step }) => step), [1200, 1300, 1400])
  t.ok(next.every(({ value }, i) => value > 0.21 && value <= 0.221 + 0.01 * i))
  t.equal(usualGap([0, 100, 200, 300, 1000]), 100)
})

t.test('few checkpoints give no interval, and a single one gives no forecast', async (t) => {
  t.same(forecastSeries([1], [0.5], EM_SCALE), [])
  t.equal(forecastSeries(steps(10), Array(10).fill(0.5), EM_SCALE)[0]!.interval, null, '8 errors are too few for a level of 90 %')
  t.same(forecastSeries(steps(11), Array(11).fill(0.5), EM_SCALE)[0]!.interval, { low: 0.5, high: 0.5 })
  t.same(forecastCoverage(steps(11), Array(11).fill(0.5), EM_SCALE), { held_out: 0, covered: 0 })
})

t.test('the backtest covers the newest forecasts of a long series', async (t) => {
  const random = mulberry32(3)
  const long = steps(1000).map((step) => 0.3 + step / 1e6 + 0.01 * normal(random))
  t.equal(forecastCoverage(steps(1000), long, EM_SCALE).held_out, 200)
  const newest = (count: number) => [steps(1000).slice(-count), long.slice(-count), EM_SCALE] as const
  t.same(forecastCoverage(...newest(1000)), forecastCoverage(...newest(236)), 'it depends on 30 errors and the six points before each')
  t.same(forecastSeries(...newest(1000)), forecastSeries(...newest(60)))
})

t.test('forecasts of EM stay between 0 and 1, and forecasts of tokens above 0', async (t) => {
  const random = mulberry32(1)
  const em = steps(30).map((step) => Math.min(1, 0.8 + step / 10_000 + 0.1 * normal(random)))
  for (const { value, interval } of forecastSeries(steps(30), em, EM_SCALE)) t.ok(value <= 1 && interval!.high <= 1 && interval!.low >= 0)
  const tokens = steps(30).map((step) => Math.max(0, 3000 - step + 300 * normal(random)))
  for (const { interval } of forecastSeries(steps(30), tokens, TOKENS_SCALE)) t.ok(interval!.low > 0)
})

t.test('intervals have their nominal coverage at every horizon', async (t) => {
  const truths = [['flat', () => 0.5, 0], ['rising', (i: number) => 0.8 - 0.5 * Math.exp(-i / 15), 0], ['wandering', () => 0.5, 0.03]] as const
  for (const [name, truth, step] of truths) {
    const held = Array<number>(HORIZON).fill(0)
    for (let run = 1; run <= 300; run++) {
      const random = mulberry32(run * 7919)
      let walk = 0
      const em = Array.from({ length: 30 + HORIZON }, (_, i) => {
        if (step > 0) walk += step * normal(random)
        return truth(i) + walk + 0.015 * normal(random)
      })
      for (const [i, { interval }] of forecastSeries(steps(30), em.slice(0, 30), EM_SCALE).entries()) {
        if (interval!.low <= em[30 + i]! && em[30 + i]! <= interval!.high) held[i]!++
      }
    }
    for (const [i, count] of held.entries()) t.ok(count / 300 > FORECAST_LEVEL - 0.055, `${name}, ${i + 1} ahead: ${count} of 300`)
    t.ok(held[0]! < 298, 'the interval is not needlessly wide')
  }
})

t.test('ranks follow Kendall\'s exact distribution (Hollander & Wolfe 1973, table A.21: P(K >= 8 | n = 5) = 0.042, P(K >= 10) = 0.0083)', async (t) => {
  t.equal(rankAt(4, 0.05), 0, '4 points are in order by chance once in 12')
  t.equal(rankAt(5, 0.05), 1, '2 x 0.0083 is below 0.05, 2 x 0.042 above')
  t.equal(rankAt(5, 0.0833 + 1e-3), 2)
  t.equal(rankAt(1, 0.05), 0)
})

t.test('the slope of a line is recovered despite an outlier', async (t) => {
  const xs = [0, 250, 500, 750, 1000, 1250]
  const ys = xs.map((x) => 3 + 0.01 * x)
  t.match(theilSen(xs, ys), { slope: 0.01, points: 6 })
  const wild = theilSen(xs, ys.with(3, 1e6))!
  t.ok(Math.abs(wild.slope - 0.01) < 1e-9)
  t.ok(Math.abs(lineAt(xs, ys.with(3, -1e6), 0.01, 1500) - 18) < 1e-9)
  t.equal(theilSen([1], [1]), null)
  t.equal(theilSen([1, 1], [1, 2]), null)
  t.match(theilSen([1, 2, 3], [1, 2, 3]), { slope: 1, low: -Infinity, high: Infinity }, 'too few points for an interval')
})

t.test('shifting and scaling the data scales the slope', async (t) => {
  const ys = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 6, maxLength: 12 })
  holds(t, fc.property(ys, fc.integer({ min: 1, max: 9 }), fc.integer({ min: -50, max: 50 }), (ys, factor, shift) => {
    const xs = ys.map((_, i) => i)
    const a = theilSen(xs, ys)!
    const b = theilSen(xs.map((x) => x + shift), ys.map((y) => factor * y + shift))!
    return Math.abs(b.slope - factor * a.slope) < 1e-9 && Math.abs(b.low - factor * a.low) < 1e-9 && a.low <= a.slope && a.slope <= a.high
  }))
})

t.test('the interval misses the true slope at most at its level', async (t) => {
  for (const [n, level] of [[6, 0.05], [10, 0.05], [14, 0.05 / 3]] as const) {
    const missed = rateOf(3000, (random) => {
      const xs = Array.from({ length: n }, (_, i) => i)
      const { low, high } = theilSen(xs, xs.map((x) => 0.3 * x + normal(random)), level)!
      return low > 0.3 || high < 0.3
    })
    t.ok(missed <= atMost(level, 3000), `${n} points: ${missed}`)
  }
})

t.test('pairs with equal x count as if their slope could be anything', async (t) => {
  const at = (xs: readonly number[]) => theilSen(xs, xs.map((_, i) => i))!
  t.match(at([0, 1, 2, 3, 4, 5, 6, 7]), { low: 1, high: 1 })
  t.match(at([0, 0, 0, 0, 1, 1, 1, 1]), { slope: 4, low: -Infinity, high: Infinity }, '12 of 28 pairs')
})
