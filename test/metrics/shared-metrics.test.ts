import { EventEmitter } from 'node:events'
import t from 'tap'
import { createMetrics } from '../../src/metrics/metrics.js'
import { shareMetrics, type Channel, type MetricsMessage } from '../../src/metrics/shared-metrics.js'

const readings = {
  modelVersion: () => 7,
  modelAgeSeconds: () => null,
  isStoreUp: () => true,
  isLeader: () => false,
  lag: () => 3,
  refused: () => 5,
  pins: () => 2,
  isLeaf: () => false,
  policyOf: () => undefined,
  isConfiguredApart: () => false,
  trainingRuns: async () => [],
  predictors: () => [],
  links: () => [],
  busiest: async () => new Map(),
}

/** Two processes and the one that started them, which asks both. */
function pair () {
  const ends: EventEmitter[] = []
  const told = new Map<string, unknown[]>()
  return [0, 1].map((self) => {
    const end = new EventEmitter()
    ends.push(end)
    const channel: Channel = {
      on: (event, listener) => end.on(event, listener),
      send (message) {
        if (message.metrics === 'wanted') for (const one of ends) one.emit('message', { metrics: 'collect', ask: message.ask })
        if (message.metrics !== 'mine') return
        const values = [...told.get(message.ask) ?? [], message.values]
        told.set(message.ask, values)
        if (values.length === 2) for (const one of ends) one.emit('message', { metrics: 'all', ask: message.ask, values } as MetricsMessage)
      },
    }
    return shareMetrics(createMetrics(), channel, self)
  })
}

t.test('a scrape sums counters of all processes, except those that all read alike', async (t) => {
  const [one, other] = pair()
  one!.watch({ ...readings, isLeader: () => true })
  other!.watch({ ...readings, modelVersion: () => 8, isStoreUp: () => false })
  one!.decided('off', 3)
  other!.decided('off', 4)
  one!.decisionSeconds.observe(1e-6)
  other!.decisionSeconds.observe(2e-6)
  one!.outcomes.inc({ result: 'accepted', arm: 'control' }, 2)
  for (const metrics of [one, other]) {
    const text = await metrics!.render()
    for (const line of [
      'stopgate_decisions_total{decision="continue",reason="off"} 7', 'stopgate_decision_duration_seconds_count 2',
      'stopgate_outcomes_total{result="accepted",arm="control"} 2', 'stopgate_model_version 8', 'stopgate_store_up 0',
      'stopgate_learner_leader 1', 'stopgate_model_age_seconds +Inf', 'stopgate_outcomes_without_context_total 5', 'stopgate_outcome_log_lag 3',
    ]) t.match(text, `${line}\n`, line)
  }
})
