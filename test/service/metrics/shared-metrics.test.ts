import { EventEmitter } from 'node:events'
import type { MetricObject } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../../../src/service/metrics/metrics.js'
import {
  type Channel, gatherMetrics, type MetricsMessage, type MetricsWorker, shareMetrics,
} from '../../../src/service/metrics/shared-metrics.js'

const valuesOf = (name: string) => [{ name } as MetricObject]

/** Processes that keep what they are sent. */
function workers (count: number) {
  const sent: MetricsMessage[][] = Array.from({ length: count }, () => [])
  let waiting = () => {}
  const all: MetricsWorker[] = sent.map((messages, id) => ({ id, send (message) { messages.push(message); waiting() } }))
  const answer = (id: number) => sent[id]!.find((message) => message.metrics === 'all')
  const answered = (id: number) => new Promise<MetricsMessage>((resolve) => {
    waiting = () => { const message = answer(id); if (message !== undefined) resolve(message) }
    waiting()
  })
  return { all, sent, answer, answered }
}

t.test('a process gets the metrics once all processes have replied', async (t) => {
  const gatherer = gatherMetrics()
  const { all: [one, other], sent, answer } = workers(2)
  for (const worker of [one!, other!]) gatherer.joined(worker)
  gatherer.heard(one!, { metrics: 'wanted', ask: 'a' })
  for (const messages of sent) t.same(messages, [{ metrics: 'collect', ask: 'a' }])
  gatherer.heard(other!, { metrics: 'mine', ask: 'a', values: valuesOf('other') })
  t.equal(answer(0), undefined)
  gatherer.heard(one!, { metrics: 'mine', ask: 'a', values: valuesOf('one') })
  t.same(answer(0), { metrics: 'all', ask: 'a', values: [valuesOf('one'), valuesOf('other')] })
})

t.test('a process that starts or ends meanwhile is not waited for', async (t) => {
  const gatherer = gatherMetrics()
  const { all: [one, dying, starting], sent, answer } = workers(3)
  for (const worker of [one!, dying!]) gatherer.joined(worker)
  gatherer.heard(one!, { metrics: 'wanted', ask: 'a' })
  t.same(sent[starting!.id], [])
  gatherer.heard(dying!, { metrics: 'mine', ask: 'before', values: valuesOf('dying') })
  gatherer.heard(one!, { metrics: 'mine', ask: 'a', values: valuesOf('one') })
  t.equal(answer(0), undefined, 'it may still tell')
  gatherer.left(dying!.id)
  t.same(answer(0), { metrics: 'all', ask: 'a', values: [valuesOf('one')] })
  gatherer.heard(dying!, { metrics: 'mine', ask: 'a', values: valuesOf('dying') }) // was under way
  gatherer.joined(starting!)
  gatherer.heard(starting!, { metrics: 'wanted', ask: 'b' })
  for (const worker of [one!, starting!]) gatherer.heard(worker, { metrics: 'mine', ask: 'b', values: valuesOf(String(worker.id)) })
  t.same(answer(2), { metrics: 'all', ask: 'b', values: [valuesOf('0'), valuesOf('2')] })
})

t.test('a process that hangs counts with its last values', async (t) => {
  const gatherer = gatherMetrics(20)
  const { all, answered } = workers(3)
  const [one, hanging] = all
  for (const worker of all) gatherer.joined(worker)
  gatherer.heard(hanging!, { metrics: 'mine', ask: 'before', values: valuesOf('before') })
  gatherer.heard(one!, { metrics: 'wanted', ask: 'a' })
  gatherer.heard(one!, { metrics: 'mine', ask: 'a', values: valuesOf('one') })
  t.same(await answered(0), { metrics: 'all', ask: 'a', values: [valuesOf('one'), valuesOf('before')] })
})

t.test('a request before any process is known is answered at once', async (t) => {
  const gatherer = gatherMetrics()
  const { all: [one], answer } = workers(1)
  gatherer.heard(one!, { metrics: 'wanted', ask: 'a' })
  t.same(answer(0), { metrics: 'all', ask: 'a', values: [] })
})

const readings = {
  snapshotVersion: () => 7,
  snapshotAgeSeconds: () => null,
  isStoreUp: () => true,
  isLeader: () => false,
  lag: () => 3,
  refused: () => 5,
  contextRoom: () => ({ isFull: false, fullPrefixes: 0 }),
  isPaused: () => false,
  isStoreLost: () => false,
  withdrawals: async () => [],
  pins: () => 2,
  newMembers: () => 0,
  isLeaf: () => false,
  policyOf: () => undefined,
  isConfiguredApart: () => false,
  trainingRuns: async () => [],
  predictors: () => [],
  links: () => [],
  busiest: async () => new Map(),
}

/** Two processes and their parent, which asks both. */
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

t.test('a scrape sums the counters of all processes, except those that are equal in all', async (t) => {
  const [one, other] = pair()
  one!.watch({ ...readings, isLeader: () => true })
  other!.watch({ ...readings, snapshotVersion: () => 8, isStoreUp: () => false })
  one!.decided('off', 3)
  other!.decided('off', 4)
  one!.decisionSeconds.observe(1e-6)
  other!.decisionSeconds.observe(2e-6)
  one!.outcomes.inc({ result: 'accepted', arm: 'control' }, 2)
  for (const metrics of [one, other]) {
    const text = await metrics!.render()
    for (const line of [
      'stopgate_decisions_total{decision="continue",reason="off"} 7', 'stopgate_decision_duration_seconds_count 2',
      'stopgate_outcomes_total{result="accepted",arm="control"} 2', 'stopgate_snapshot_version 8', 'stopgate_store_up 0',
      'stopgate_learner_leader 1', 'stopgate_snapshot_age_seconds +Inf', 'stopgate_outcomes_without_context_total 5', 'stopgate_outcome_log_lag 3',
    ]) t.match(text, `${line}\n`, line)
  }
})
