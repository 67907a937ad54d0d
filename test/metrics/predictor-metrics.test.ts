import { Registry } from 'prom-client'
import t from 'tap'
import { countFits, watchPredictors, type ScoringLink } from '../../src/metrics/predictor-metrics.js'

const lines = async (registry: Registry) => (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))

t.test('contexts are counted by the score that serves or is on trial', async (t) => {
  const registry = new Registry()
  let live = ['a', 'b']
  const standings: ScoringLink[] = [
    { threshold: 0.9, scorer: null, trials: ['a', 'b'] }, { threshold: 0.9, scorer: 'a', trials: ['a'] }, { threshold: null, scorer: null, trials: [] },
  ]
  watchPredictors([registry], () => live, () => standings)
  t.strictSame(await lines(registry), [
    'stopgate_predictors 2',
    'stopgate_scorer_serving_contexts{scorer="confidence"} 1',
    'stopgate_scorer_serving_contexts{scorer="a"} 1',
    'stopgate_scorer_serving_contexts{scorer="b"} 0',
    'stopgate_scorer_trial_contexts{scorer="a"} 2',
    'stopgate_scorer_trial_contexts{scorer="b"} 1',
  ])
  live = []
  standings.splice(0)
  t.strictSame(await lines(registry), ['stopgate_predictors 0', 'stopgate_scorer_serving_contexts{scorer="confidence"} 0'])
})

t.test('fits are counted by result, with the time and duration of the last', async (t) => {
  const registry = new Registry()
  const fitted = countFits([registry])
  const value = async (name: string) => Number((await lines(registry)).find((line) => line.startsWith(`${name} `))!.split(' ')[1])
  t.equal(await value('stopgate_predictor_fits_total{result="failed"}'), 0, 'so that an increase is seen from its first')
  fitted({ result: 'failed', seconds: 3 })
  t.equal(await value('stopgate_predictor_fits_total{result="failed"}'), 1)
  t.equal(await value('stopgate_predictor_fit_duration_seconds'), 3)
  t.equal(await value('stopgate_predictor_trained_timestamp_seconds'), 0, 'a failure trains none')
  fitted({ result: 'trained', seconds: 2 })
  t.ok(Math.abs(await value('stopgate_predictor_trained_timestamp_seconds') - Date.now() / 1000) < 60)
})
