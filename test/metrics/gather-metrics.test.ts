import type { MetricObject } from 'prom-client'
import t from 'tap'
import { gatherMetrics, type MetricsWorker } from '../../src/metrics/gather-metrics.js'
import type { MetricsMessage } from '../../src/metrics/shared-metrics.js'

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
