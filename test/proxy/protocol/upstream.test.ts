import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Agent } from 'undici'
import { readPieces } from '../../../src/proxy/protocol/openai-chunks.js'
import { createUpstream, ReplyBody, sendRequest, UpstreamError } from '../../../src/proxy/protocol/upstream.js'
import { driveClock } from '../../clock.js'
import { startStandIn } from '../stand-in.js'

t.test('JSON is sent and read, and an error states the reply', async (t) => {
  const { url } = await startStandIn(t)
  const upstream = createUpstream(url)
  t.teardown(() => upstream.close())
  const signal = new AbortController().signal
  t.match(await upstream.json('/v1/models', [], undefined, signal), { object: 'list' })
  t.match(await upstream.json('/tokenize', ['content-type', 'application/json'], { prompt: 'ab' }, signal), { tokens: [97, 98] })
  await t.rejects(upstream.json('/nowhere', [], undefined, signal), UpstreamError)
  await t.rejects(upstream.json('/echo', [], undefined, signal), /not answered with JSON/)
  await t.rejects(createUpstream('http://127.0.0.1:9').json('/', [], undefined, signal), { code: 'ECONNREFUSED' })
})

t.test('a connection is reused after a stream only if the model server is known to allow it', async (t) => {
  const requests: Array<[url: string, connection: string]> = []
  const server = createServer(({ url, headers }, response) => {
    requests.push([url!, headers.connection!])
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { signal } = new AbortController()
  for (const [isReused, connection] of [[false, 'close'], [true, 'keep-alive']] as const) {
    const upstream = createUpstream(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { reusesConnections: () => isReused })
    t.teardown(() => upstream.close())
    await upstream.json('/v1/models', [], undefined, signal)
    await (await upstream.open({ method: 'POST', path: '/completion', headers: [], body: '{}', signal })).body.text()
    await upstream.json('/completion', [], {}, signal)
    t.same(requests.splice(0), [['/v1/models', 'keep-alive'], ['/completion', connection], ['/completion', 'keep-alive']], connection)
  }
})

t.test('streams that are read to their last event, one after the other, share a connection', async (t) => {
  const { url, connections } = await startStandIn(t)
  const upstream = createUpstream(url, { reusesConnections: () => true })
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

t.test('a signal ends a request before, while and after its reply begins, and keeps no listener afterwards', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/silent') return
    response.writeHead(200, { 'X-A': 'b' }).write('begun')
    if (request.url === '/whole') response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent()
  t.teardown(async () => { await agent.destroy(); server.close() })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = async (path: string, { signal }: AbortController) => await sendRequest(agent, { origin, path, method: 'GET' }, signal)
  const reason = new Error('gone')

  const before = new AbortController()
  before.abort(reason)
  await t.rejects(ask('/whole', before), reason)
  const waiting = new AbortController()
  const silent = ask('/silent', waiting)
  await once(server, 'request')
  waiting.abort(reason)
  await t.rejects(silent, reason)
  const reading = new AbortController()
  const { status, headers, body } = await ask('/endless', reading)
  t.equal(status, 200)
  t.equal(headers[headers.indexOf('X-A') + 1], 'b', 'headers stand as on the wire')
  const text = body.text()
  reading.abort(reason)
  await t.rejects(text, reason)
  const whole = new AbortController()
  t.equal(await (await ask('/whole', whole)).body.text(), 'begun')
  for (const { signal } of [before, waiting, reading, whole]) t.same(getEventListeners(signal, 'abort'), [])
})

function bodyUnderTest () {
  const calls: string[] = []
  const controller = {
    pause: () => { calls.push('pause') },
    resume: () => { calls.push('resume') },
    abort: () => { calls.push('abort') },
    aborted: false,
    paused: false,
    reason: null,
  }
  return { calls, body: new ReplyBody(controller) }
}

t.test('nothing is read before somebody listens, and a text is read whole', async (t) => {
  const { calls, body } = bodyUnderTest()
  t.same(calls, ['pause'])
  const text = body.text()
  t.same(calls, ['pause', 'resume'])
  body.take(Buffer.from('a€').subarray(0, 2))
  body.take(Buffer.from('a€').subarray(2))
  body.end(null)
  t.equal(await text, 'a€')
  body.destroy()
  t.notOk(calls.includes('abort'), 'it has ended by itself')
})

t.test('a reply that is too long, or breaks off before or while it is read, throws', async (t) => {
  const long = bodyUnderTest()
  const text = long.body.text()
  for (let i = 0; i < 17; i++) long.body.take(Buffer.alloc(2 ** 20))
  await t.rejects(text, new UpstreamError('the reply is too long'))
  t.equal(long.calls.at(-1), 'abort')
  for (const isBefore of [true, false]) {
    const { body } = bodyUnderTest()
    if (isBefore) body.end(new Error('gone'))
    const broken = body.text()
    if (!isBefore) body.end(new Error('gone'))
    await t.rejects(broken, /gone/)
  }
})

t.test('read as a stream, a reply comes at the pace of its reader', async (t) => {
  const { calls, body } = bodyUnderTest()
  const stream = body.readable()
  stream.read(0)
  body.take(Buffer.alloc(2 ** 20))
  t.equal(calls.at(-1), 'pause')
  stream.read()
  t.equal(calls.at(-1), 'resume')
  stream.destroy()
  t.equal(calls.at(-1), 'abort')
})

t.test('data after the release of a reply are dropped, and it is aborted only if it does not end by itself', async (t) => {
  const clock = driveClock(t)
  const [ending, endless] = [bodyUnderTest(), bodyUnderTest()]
  for (const { body } of [ending, endless]) {
    body.listen(() => { t.fail('bytes are dropped') }, () => { t.fail('the end is dropped') })
    body.release()
    body.take(Buffer.from('a'))
  }
  ending.body.end(null)
  ending.body.release()
  await clock.advance(999)
  t.notOk(endless.calls.includes('abort'))
  await clock.advance(1)
  t.equal(endless.calls.at(-1), 'abort')
  t.notOk(ending.calls.includes('abort'))
})
