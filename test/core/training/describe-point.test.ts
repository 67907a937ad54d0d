import t from 'tap'
import { describeSeries, summariseSeries } from '../../../src/core/training/describe-series.js'
import { seriesOf } from './series-of.js'

const TOLERANCE = { max_em_drop: 0.02, em_per_token_percent: null }

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
