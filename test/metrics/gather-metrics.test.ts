import type { MetricObject } from 'prom-client'
import t from 'tap'
import { gatherMetrics, type Teller } from '../../src/metrics/gather-metrics.js'
import type { MetricsMessage } from '../../src/metrics/shared-metrics.js'

const valuesOf = (name: string) => [{ name } as MetricObject]

/** Processes that keep what they are sent. */
function tellers (count: number) {
  const sent: MetricsMessage[][] = Array.from({ length: count }, () => [])
  let waiting = () => {}
  const all: Teller[] = sent.map((messages, id) => ({ id, send (message) { messages.push(message); waiting() } }))
  const answer = (id: number) => sent[id]!.find((message) => message.metrics === 'all')
  const answered = (id: number) => new Promise<MetricsMessage>((resolve) => {
    waiting = () => { const message = answer(id); if (message !== undefined) resolve(message) }
    waiting()
  })
  return { all, sent, answer, answered }
}

t.test('the asker is told when each has told', async (t) => {
  const gatherer = gatherMetrics()
  const { all: [one, other], sent, answer } = tellers(2)
  for (const teller of [one!, other!]) gatherer.joined(teller)
  gatherer.heard(one!, { metrics: 'wanted', ask: 'a' })
  for (const messages of sent) t.same(messages, [{ metrics: 'collect', ask: 'a' }])
  gatherer.heard(other!, { metrics: 'mine', ask: 'a', values: valuesOf('other') })
  t.equal(answer(0), undefined)
  gatherer.heard(one!, { metrics: 'mine', ask: 'a', values: valuesOf('one') })
  t.same(answer(0), { metrics: 'all', ask: 'a', values: [valuesOf('one'), valuesOf('other')] })
})

t.test('one that starts is not asked, one that dies is not waited for, and what it told last is gone', async (t) => {
  const gatherer = gatherMetrics()
  const { all: [one, dying, starting], sent, answer } = tellers(3)
  for (const teller of [one!, dying!]) gatherer.joined(teller)
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
  for (const teller of [one!, starting!]) gatherer.heard(teller, { metrics: 'mine', ask: 'b', values: valuesOf(String(teller.id)) })
  t.same(answer(2), { metrics: 'all', ask: 'b', values: [valuesOf('0'), valuesOf('2')] })
})

t.test('one that hangs counts as it last told, one that never told not at all', async (t) => {
  const gatherer = gatherMetrics(20)
  const { all, answered } = tellers(3)
  const [one, hanging] = all
  for (const teller of all) gatherer.joined(teller)
  gatherer.heard(hanging!, { metrics: 'mine', ask: 'before', values: valuesOf('before') })
  gatherer.heard(one!, { metrics: 'wanted', ask: 'a' })
  gatherer.heard(one!, { metrics: 'mine', ask: 'a', values: valuesOf('one') })
  t.same(await answered(0), { metrics: 'all', ask: 'a', values: [valuesOf('one'), valuesOf('before')] })
})

t.test('one that asks before any is known is told at once', async (t) => {
  const gatherer = gatherMetrics()
  const { all: [one], answer } = tellers(1)
  gatherer.heard(one!, { metrics: 'wanted', ask: 'a' })
  t.same(answer(0), { metrics: 'all', ask: 'a', values: [] })
})
