import t from 'tap'
import { normal } from '../../../src/commands/traces/seeded-random.js'
import { coverage, EM_SCALE, forecast, FORECAST_LEVEL, HORIZON, TOKENS_SCALE, usualGap } from '../../../src/core/training/forecast.js'
import { mulberry32 } from '../../random.js'

const steps = (count: number) => Array.from({ length: count }, (_, i) => 100 * i)

t.test('a line goes on, at the usual distance', async (t) => {
  const next = forecast(steps(12), steps(12).map((step) => 0.1 + step / 10_000), EM_SCALE)
  t.same(next.map(({ step }) => step), [1200, 1300, 1400])
  t.ok(next.every(({ value }, i) => value > 0.21 && value <= 0.221 + 0.01 * i))
  t.equal(usualGap([0, 100, 200, 300, 1000]), 100)
})

t.test('too few checkpoints have no interval, one has no forecast', async (t) => {
  t.same(forecast([1], [0.5], EM_SCALE), [])
  t.equal(forecast(steps(10), Array(10).fill(0.5), EM_SCALE)[0]!.interval, null, '8 errors are no 90 %')
  t.same(forecast(steps(11), Array(11).fill(0.5), EM_SCALE)[0]!.interval, { low: 0.5, high: 0.5 })
  t.same(coverage(steps(11), Array(11).fill(0.5), EM_SCALE), { held_out: 0, covered: 0 })
})

t.test('the newest forecasts are held against what came, however long the series', async (t) => {
  const random = mulberry32(3)
  const long = steps(1000).map((step) => 0.3 + step / 1e6 + 0.01 * normal(random))
  t.equal(coverage(steps(1000), long, EM_SCALE).held_out, 200)
  const newest = (count: number) => [steps(1000).slice(-count), long.slice(-count), EM_SCALE] as const
  t.same(coverage(...newest(1000)), coverage(...newest(236)), 'by the 30 errors and the six points before each')
  t.same(forecast(...newest(1000)), forecast(...newest(60)))
})

t.test('EM stays between 0 and 1, tokens above 0', async (t) => {
  const random = mulberry32(1)
  const em = steps(30).map((step) => Math.min(1, 0.8 + step / 10_000 + 0.1 * normal(random)))
  for (const { value, interval } of forecast(steps(30), em, EM_SCALE)) t.ok(value <= 1 && interval!.high <= 1 && interval!.low >= 0)
  const tokens = steps(30).map((step) => Math.max(0, 3000 - step + 300 * normal(random)))
  for (const { interval } of forecast(steps(30), tokens, TOKENS_SCALE)) t.ok(interval!.low > 0)
})

t.test('each of the next checkpoints falls into its interval as often as it says', async (t) => {
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
      for (const [i, { interval }] of forecast(steps(30), em.slice(0, 30), EM_SCALE).entries()) {
        if (interval!.low <= em[30 + i]! && em[30 + i]! <= interval!.high) held[i]!++
      }
    }
    for (const [i, count] of held.entries()) t.ok(count / 300 > FORECAST_LEVEL - 0.055, `${name}, ${i + 1} ahead: ${count} of 300`)
    t.ok(held[0]! < 298, 'and is not idly wide')
  }
})
