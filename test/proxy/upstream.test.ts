import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { readPieces } from '../../src/proxy/dialects/openai-pieces.js'
import { UpstreamError } from '../../src/proxy/upstream-error.js'
import { createUpstream } from '../../src/proxy/upstream.js'
import { startStandIn } from './stand-in.js'

t.test('JSON is sent and read, and an error tells what was answered', async (t) => {
  const { url } = await startStandIn(t)
  const upstream = createUpstream(url)
  t.teardown(() => upstream.close())
  const signal = new AbortController().signal
  t.match(await upstream.json('/v1/models', [], undefined, signal), { object: 'list' })
  t.match(await upstream.json('/tokenize', ['content-type', 'application/json'], { prompt: 'ab' }, signal), { tokens: [97, 98] })
  await t.rejects(upstream.json('/nowhere', [], undefined, signal), UpstreamError)
  await t.rejects(upstream.json('/echo', [], undefined, signal), /no JSON/)
  await t.rejects(createUpstream('http://127.0.0.1:9').json('/', [], undefined, signal), { code: 'ECONNREFUSED' })
})

t.test('a connection is used again after a stream if the model server is known not to be llama.cpp, which closes it unannounced', async (t) => {
  const asked: Array<[url: string, connection: string]> = []
  const server = createServer(({ url, headers }, response) => {
    asked.push([url!, headers.connection!])
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { signal } = new AbortController()
  for (const [dialect, connection] of [['auto', 'close'], ['llama.cpp', 'close'], ['vllm', 'keep-alive']] as const) {
    const upstream = createUpstream(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { dialect: () => dialect })
    t.teardown(() => upstream.close())
    await upstream.json('/v1/models', [], undefined, signal)
    await (await upstream.open({ method: 'POST', path: '/completion', headers: [], body: '{}', signal })).body.text()
    await upstream.json('/completion', [], {}, signal)
    t.same(asked.splice(0), [['/v1/models', 'keep-alive'], ['/completion', connection], ['/completion', 'keep-alive']], dialect)
  }
})

t.test('streams that are read to their last event, one after the other, share a connection', async (t) => {
  const { url, connections } = await startStandIn(t)
  const upstream = createUpstream(url, { dialect: () => 'vllm' })
  t.teardown(() => upstream.close())
  const headers = ['content-type', 'application/json']
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'a' }], stream: true })
  const { signal } = new AbortController()
  for (let i = 0; i < 5; i++) {
    const reply = await upstream.open({ method: 'POST', path: '/v1/chat/completions', headers, body, signal })
    await readPieces(reply.body, { route: 'chat' })(() => null)
    await setImmediate() // the end of the reply follows its last event
  }
  t.equal(connections(), 1)
})
