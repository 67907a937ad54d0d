import { once } from 'node:events'
import t from 'tap'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { createLiveEvents, EventClient, MAX_CLIENTS, MAX_CLIENTS_OF_TOKEN } from '../../../src/service/events/live-events.js'
import { until } from '../../helper.js'

const textOf = (client: EventClient) => String(client.stream.read() ?? '')
const change = (client: EventClient) => JSON.parse(/event: change\ndata: (.*)\n\n/.exec(textOf(client))?.[1] ?? 'null')

t.test('a client gets only the changes of its contexts, once each', async (t) => {
  const client = new EventClient('model=q', 7)
  t.match(textOf(client), 'event: hello\ndata: {"snapshot_version":7,"prefix":"model=q"}\n\n')
  client.note(['model=q,task=a', 'model=r,task=a'], false)
  client.note(['model=q,task=a'], true)
  client.flush(8)
  t.same(change(client), { snapshot_version: 8, contexts: ['model=q,task=a'], contexts_changed: 1, counts_changed: true })
  client.flush(9)
  t.equal(client.stream.read(), null, 'nothing changed')
  client.beat()
  t.equal(textOf(client), ': alive\n\n')
})

t.test('a message names a hundred keys, and counts the others', async (t) => {
  const client = new EventClient('*', 0)
  client.note(Array.from({ length: 250 }, (_, i) => `model=${i}`), false)
  client.flush(1)
  const { contexts, contexts_changed: changed } = change(client)
  t.same([contexts.length, changed], [100, 250])
})

t.test('changes for a client that does not read are merged into one message', async (t) => {
  const client = new EventClient('*', 0)
  for (let i = 0; i < 1000; i++) {
    client.note([`model=${i % 10}`], true)
    client.flush(i)
    if (i % 100 === 0) client.beat()
  }
  t.ok(client.stream.readableLength < 16 * 1024, 'little waits for it')
  textOf(client)
  client.flush(1000)
  t.match(change(client), { snapshot_version: 1000, contexts_changed: 10, counts_changed: true })
  client.end()
  client.stream.destroy()
  client.flush(1001)
})

t.test('a stream ends after forty heartbeats, and nothing is sent after its end', async (t) => {
  const client = new EventClient('*', 0)
  let text = ''
  client.stream.on('data', (piece) => { text += String(piece) })
  const ended = once(client.stream, 'end')
  for (let i = 0; i < 39; i++) client.beat()
  client.note(['*'], true)
  client.flush(1)
  client.beat()
  client.note(['*'], true)
  client.flush(2)
  await ended
  t.match(text, /"snapshot_version":1,/, 'it was open before the last heartbeat')
  t.notMatch(text, /"snapshot_version":2,/)
})

type Services = Parameters<typeof createLiveEvents>[0]
const linkOf = (threshold: number | null) => ({ threshold, policy: { mode: 'enforce', max_em_drop: 0.02 }, warnings: [] })

function playground () {
  const state = { version: 1, links: new Map([['*', linkOf(null)], ['model=q', linkOf(null)]]), generations: 0, reads: 0 }
  const services = {
    snapshotHolder: { loaded: () => ({ snapshot: { version: state.version }, links: state.links }) },
    store: {
      readContexts: async (keys: string[]) => {
        state.reads++
        return new Map(keys.map((key) => [key, { reports: { generations: state.generations }, savings: {} } as ContextState]))
      },
    },
  } as unknown as Services
  return { state, live: createLiveEvents(services, 2) }
}

t.test('moved thresholds and moved counts are distinguished; links that were only reloaded are no change', async (t) => {
  const { state, live } = playground()
  t.teardown(live.close)
  let text = ''
  live.open('*').on('data', (piece) => { text += String(piece) })
  await until('it looks', () => state.reads > 1)
  state.links = new Map([['*', linkOf(null)], ['model=q', linkOf(0.9)]])
  state.version = 2
  await until('the threshold is told', () => /"snapshot_version":2,"contexts":\["model=q"\],"contexts_changed":1,"counts_changed":false/.test(text))
  state.generations = 5
  await until('the counts are told', () => /"contexts":\[\],"contexts_changed":0,"counts_changed":true/.test(text))
})

t.test('nothing is read without listeners, and streams are bounded', async (t) => {
  const { state, live } = playground()
  const streams = Array.from({ length: MAX_CLIENTS }, () => live.open('*'))
  t.throws(() => live.open('*'), { code: 'TOO_MANY_STREAMS', statusCode: 503 })
  await Promise.all(streams.map((stream) => once(stream.destroy(), 'close')))
  const { reads } = state
  const later = live.open('model=q')
  await until('it looks again', () => state.reads > reads)
  live.close()
  const ended = live.open('*')
  for (const stream of [later, ended]) await until('it ends', () => { stream.read(); return stream.readableEnded })
})

t.test('a token has a share of the streams', async (t) => {
  const { live } = playground()
  const [first] = Array.from({ length: MAX_CLIENTS_OF_TOKEN }, () => live.open('*', 'a'))
  t.throws(() => live.open('*', 'a'), { code: 'TOO_MANY_STREAMS', message: /25 of this token/ })
  t.doesNotThrow(() => live.open('*', 'b'))
  await once(first!.destroy(), 'close')
  t.doesNotThrow(() => live.open('*', 'a'), 'a stream that ended makes room')
  live.close()
})
