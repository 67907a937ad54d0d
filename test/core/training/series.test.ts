import t from 'tap'
import { describeSeries, summariseSeries } from '../../../src/core/training/series.js'
import { seriesOf } from './series-of.js'

const TOLERANCE = { max_em_drop: 0.02 }

t.test('a replay lists its earlier attempts, and steps reported before it are marked', async (t) => {
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

t.test('evaluations of a step in full and with early stopping are not a replay', async (t) => {
  const both = seriesOf([1, 0.5], [1, 0.4, 0.9], [2, 0.5], [2, 0.4, 0.9])
  t.match(describeSeries(both, TOLERANCE, 10), {
    replayed: 0, points: [{ is_replay: false, predates_replay: false, earlier_attempts: [{ em: 0.5 }] }, { is_replay: false }],
  })
  t.match(describeSeries(seriesOf([1, 0.5], [1, 0.4, 0.9], [1, 0.6]), TOLERANCE, 10), { replayed: 1, points: [{ is_replay: true }] })
  t.equal(summariseSeries(both, TOLERANCE).replayed, 0)
})

t.test('the newest points are shown, and all points count', async (t) => {
  const rising = Array.from({ length: 15 }, (_, i) => [i + 1, 0.3 + 0.01 * i] as [number, number])
  const view = describeSeries(seriesOf(...rising), TOLERANCE, 2)
  t.same(view.points.map(({ step }) => step), [14, 15])
  t.match(view.trend, { em: { checkpoints: 10 }, tokens: { slope: 10, low: 10, high: 10 } })
  const [tokens, before] = [150, 140]
  t.match(view.trend.em_per_percent_of_tokens, { checkpoints: 10, low: Number, high: Number })
  const { low: least, slope: perPercent } = view.trend.em_per_percent_of_tokens!
  t.ok(least! > 0 && perPercent > 0.01 / (Math.log(tokens / before) / Math.log(1.01)) * 0.5, 'a percent of tokens is worth EM')
  t.match(view.forecast, [{ step: 16, em_low: Number, tokens_high: Number }, { step: 17 }, { step: 18 }])
  t.match(view.coverage, { level: 0.9, em: { held_out: 4 } })
  const { em, em_low: low, em_high: high, tokens_mean: mean, tokens_low: tokensLow } = view.points[1]!
  t.ok(low < em && em < high && tokensLow! < mean)
})

t.test('figures that cannot be estimated are null, and verdicts state their test', async (t) => {
  t.match(describeSeries(seriesOf([1, 0.1]), TOLERANCE, 10), { trend: { em: null, tokens: null }, forecast: [], verdicts: [] })
  t.match(describeSeries(seriesOf([1, 0.1], [2, 0.1]), TOLERANCE, 10), { trend: { em: { slope: 0, low: null, high: null } }, forecast: [{ em_low: null }], verdicts: [{ verdict: 'same_level', tests: /0.3 points/, figures: { em_change: 0 } }] })
})

t.test('a summary describes the newest step', async (t) => {
  t.match(summariseSeries(seriesOf([1, 0.1], [2, 0.2], [1, 0.1], [2, 0.2001]), TOLERANCE), { suite: 's', steps: 2, replayed: 1, step: 2, em: 0.2001, tokens_mean: 20, verdicts: [] })
})

t.test('trend, forecast and verdicts use the steps evaluated under the newest threshold, which the view states', async (t) => {
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
  t.same(summariseSeries(seriesOf(...full, [30, 0.3, 0.8]), TOLERANCE).verdicts, [], 'the change to 0.3 is not a fall')
})
