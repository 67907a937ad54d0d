import t from 'tap'
import { normal } from '../../../src/cli/traces/seeded-random.js'
import { forecastCoverage, EM_SCALE, forecastSeries, FORECAST_LEVEL, HORIZON, TOKENS_SCALE, usualGap } from '../../../src/core/training/forecast.js'
import { mulberry32 } from '../../random.js'

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
