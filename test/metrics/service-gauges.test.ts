import { Registry } from 'prom-client'
import t from 'tap'
import { watchService } from '../../src/metrics/service-gauges.js'

t.test('gauges are read at each scrape', async (t) => {
  const registry = new Registry()
  let version = 7
  watchService([registry], {
    modelVersion: () => version,
    modelAgeSeconds: () => null,
    isStoreUp: () => false,
    isLeader: () => true,
    lag: () => 3,
    refused: () => 5,
    pins: () => 2,
    isLeaf: () => true,
    policyOf: () => undefined,
    isConfiguredApart: () => true,
    trainingRuns: async () => [],
    predictors: () => [],
    busiest: async () => new Map(),
    links: () => [
      { threshold: null, scorer: null, trials: [], warnings: ['outcomes_missing'] },
      { threshold: null, scorer: null, trials: [], warnings: ['outcomes_missing', 'outcomes_not_enrolled'] },
    ],
  })
  t.match(await registry.metrics(), 'stopgate_model_version 7\n')
  version = 8
  const text = await registry.metrics()
  for (const line of ['model_version 8', 'model_age_seconds +Inf', 'store_up 0', 'learner_leader 1', 'configuration_differs 1', 'outcome_log_lag 3', 'pins 2', 'outcomes_without_context_total 5']) {
    t.match(text, `stopgate_${line}\n`)
  }
  t.match(text, 'stopgate_contexts_warned{warning="outcomes_missing"} 2\n')
  t.match(text, 'stopgate_contexts_warned{warning="outcomes_not_enrolled"} 1\n')
})
