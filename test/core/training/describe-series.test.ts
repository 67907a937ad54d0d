import t from 'tap'
import { describeSeries, summarise } from '../../../src/core/training/describe-series.js'
import { addReports, type Series } from '../../../src/core/training/run.js'

const TOLERANCE = { max_em_drop: 0.02, em_per_token_percent: null }

function seriesOf (...figures: [step: number, em: number, threshold?: number][]): Series {
  let series: Series = { suite: 's', points: [], forgotten_through: null }
  for (const [time, [step, em, threshold]] of figures.entries()) {
    const checkpoint = { step, suite: 's', em, n: 100, tokens_mean: 10 * step, tokens_p50: 5, tokens_p95: 20, ...(threshold !== undefined && { threshold }) }
    series = addReports(null, new Map([['s', series]]), [{ checkpoint, key: null }], time).series.get('s') ?? series
  }
  return series
}

t.test('a replay is flagged with what was there, and so is what it leaves behind', async (t) => {
  const view = describeSeries(seriesOf([1, 0.1], [2, 0.2], [3, 0.3], [2, 0.25]), TOLERANCE, 10)
  t.match(view.points, [
    { step: 1, is_replay: false, predates_replay: false },
    { step: 2, em: 0.25, is_replay: true, earlier_attempts: [{ em: 0.2 }], predates_replay: false },
    { step: 3, predates_replay: true },
  ])
  t.match(view, { steps: 3, replayed: 1 })
  const whole = describeSeries(seriesOf([1, 0.1], [2, 0.2], [3, 0.3], [2, 0.25], [3, 0.35]), TOLERANCE, 10)
  t.match(whole.points[2], { em: 0.35, predates_replay: false })
})

t.test('all points are reckoned with, the newest shown', async (t) => {
  const rising = Array.from({ length: 15 }, (_, i) => [i + 1, 0.3 + 0.01 * i] as [number, number])
  const view = describeSeries(seriesOf(...rising), TOLERANCE, 2)
  t.same(view.points.map(({ step }) => step), [14, 15])
  t.match(view.trend, { em: { checkpoints: 10 }, tokens: { slope: 10, low: 10, high: 10 } })
  t.match(view.forecast, [{ step: 16, em_low: Number, tokens_high: Number }, { step: 17 }, { step: 18 }])
  t.match(view.coverage, { level: 0.9, em: { held_out: 4 } })
  const { em, em_low: low, em_high: high, tokens_mean: mean, tokens_low: tokensLow } = view.points[1]!
  t.ok(low < em && em < high && tokensLow! < mean)
})

t.test('what can not be said is null, and verdicts say what they test', async (t) => {
  t.match(describeSeries(seriesOf([1, 0.1]), TOLERANCE, 10), { trend: { em: null, tokens: null }, forecast: [], verdicts: [] })
  t.match(describeSeries(seriesOf([1, 0.1], [2, 0.1]), TOLERANCE, 10), { trend: { em: { slope: 0, low: null, high: null } }, forecast: [{ em_low: null }], verdicts: [{ verdict: 'same_level', tests: /0.3 points/, figures: { em_change: 0 } }] })
})

t.test('a summary is of the newest step', async (t) => {
  t.match(summarise(seriesOf([1, 0.1], [2, 0.2], [1, 0.1], [2, 0.2001]), TOLERANCE), { suite: 's', steps: 2, replayed: 1, step: 2, em: 0.2001, tokens_mean: 20, verdicts: [] })
})

t.test('trend, forecast and verdicts are of steps evaluated under the newest threshold, and it says which', async (t) => {
  const full = Array.from({ length: 12 }, (_, i) => [2 * i, 0.5] as [number, number])
  const stopped = Array.from({ length: 12 }, (_, i) => [2 * i + 1, 0.3, 0.9] as [number, number, number])
  const view = describeSeries(seriesOf(...full, ...stopped, [30, 0.5]), TOLERANCE, 100)
  t.match(view, { threshold: null, compared: 13, steps: 25, forecast: [{ em: 0.5 }] })
  t.match(view, { trend: { em: { slope: 0, low: 0, high: 0 } } })
  t.same(view.points.length, 25)
  const early = describeSeries(seriesOf(...full, ...stopped, [30, 0.3, 0.9]), TOLERANCE, 100)
  t.match(early, { threshold: 0.9, compared: 13, forecast: [{ em: 0.3 }] })
  const alone = describeSeries(seriesOf(...full, [30, 0.3, 0.8]), TOLERANCE, 100)
  t.match(alone, { threshold: 0.8, compared: 1, trend: { em: null }, forecast: [], verdicts: [] })
  t.same(summarise(seriesOf(...full, [30, 0.3, 0.8]), TOLERANCE).verdicts, [], 'no fall to 0.3')
})

t.test('a step evaluated in full and stopped early is no replay', async (t) => {
  const both = seriesOf([1, 0.5], [1, 0.4, 0.9], [2, 0.5], [2, 0.4, 0.9])
  t.match(describeSeries(both, TOLERANCE, 10), {
    replayed: 0, points: [{ is_replay: false, predates_replay: false, earlier_attempts: [{ em: 0.5 }] }, { is_replay: false }],
  })
  t.match(describeSeries(seriesOf([1, 0.5], [1, 0.4, 0.9], [1, 0.6]), TOLERANCE, 10), { replayed: 1, points: [{ is_replay: true }] })
  t.equal(summarise(both, TOLERANCE).replayed, 0)
})
