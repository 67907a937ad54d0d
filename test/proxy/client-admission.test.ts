import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../helper.js'
import { CHAT, startUnderTest } from './proxy-under-test.js'

const PATH = '/v1/chat/completions'

/** A client that sends the head of a request and a part of its body. */
async function stalled (t: Test, url: string, length: number, part: string, path = PATH): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  t.teardown(() => { socket.destroy() })
  await once(socket, 'connect')
  socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${part}`)
  return socket
}

/** The first line of the reply. */
async function statusOf (socket: Socket): Promise<string> {
  const [data] = await once(socket, 'data') as [Buffer]
  return data.toString().split('\r\n')[0]!
}

t.test('bodies that do not arrive keep nobody out, and end with 408', async (t) => {
  const { ask, proxy } = await startUnderTest(t, {}, { PROXY_MAX_REQUESTS: '2', PROXY_BODY_SECONDS: '1' })
  const slow = await Promise.all([PATH, PATH, '/v1/embeddings', '/v1/embeddings'].map((path) => stalled(t, proxy.url, 100, '{', path)))
  const statuses = slow.map(statusOf)
  t.equal((await ask()).status, 200)
  t.same(new Set(await Promise.all(statuses)), new Set(['HTTP/1.1 408 Request Timeout']))
})

t.test('headers that do not arrive end with 408', async (t) => {
  const { proxy } = await startUnderTest(t, {}, { PROXY_BODY_SECONDS: '1' })
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
  socket.write(`POST ${PATH} HTTP/1.1\r\nhost: localhost\r\n`)
  t.equal(await statusOf(socket), 'HTTP/1.1 408 Request Timeout')
})

t.test('a client that does not read its reply loses it, and one that waits for its reply does not', async (t) => {
  let held: ServerResponse | undefined
  const engine = createServer((request, response) => {
    if (request.url === '/late') held = response
    else response.end(Buffer.alloc(64 * 2 ** 20))
  }).listen(0, '127.0.0.1')
  await once(engine, 'listening')
  t.teardown(() => { engine.close() })
  const { metric, proxy } = await startUnderTest(t, {}, {
    PROXY_UPSTREAM: `http://127.0.0.1:${(engine.address() as AddressInfo).port}`, PROXY_MAX_REQUESTS: '2', PROXY_BODY_SECONDS: '0.3', PROXY_ROUTES: '*',
  })
  const late = fetch(`${proxy.url}/late`).then((reply) => reply.text())
  const unread = await stalled(t, proxy.url, 0, '', '/large')
  unread.pause()
  await until('both are in flight', async () => await metric('stopgate_proxy_requests_in_flight') === 2)
  await until('its place is free', async () => await metric('stopgate_proxy_upstream_aborts_total{cause="client"}') === 1)
  held!.end('at last')
  t.equal(await late, 'at last', 'it waited as long')
})

t.test('the arrived bytes of large bodies are limited', async (t) => {
  const { ask, metric, proxy } = await startUnderTest(t, {}, { PROXY_MAX_HELD_MIB: '1' })
  const statusFor = async (body: object) => {
    const reply = await ask(body)
    await reply.text()
    return reply.status
  }
  const large = { ...CHAT, metadata: 'x'.repeat(400_000) }
  t.equal(await statusFor(large), 200)
  await stalled(t, proxy.url, 4_000_000, 'x'.repeat(900_000))
  await until('it is counted', async () => await metric('stopgate_proxy_held_bytes') > 800_000)
  t.equal(await statusFor(large), 503)
  t.equal(await statusFor(CHAT), 200, 'a small body is read')
})

t.test('an address may have its share alone, if that is set', async (t) => {
  const { ask, proxy, upstream } = await startUnderTest(t, { pauseAt: 40 }, { PROXY_MAX_REQUESTS: '4', PROXY_ADDRESS_SHARE: '0.5' })
  const mine = [await ask({ ...CHAT, stream: true }), await ask({ ...CHAT, stream: true })]
  t.equal((await ask()).status, 503)
  const other = connect({ port: Number(new URL(proxy.url).port), host: '127.0.0.1', localAddress: '127.0.0.2' })
  const body = JSON.stringify({ ...CHAT, stream: true })
  other.write(`POST ${PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  t.equal(await statusOf(other), 'HTTP/1.1 200 OK')
  other.destroy()
  upstream.release()
  for (const reply of mine) await reply.text()
})

t.test('a request for several samples counts as so many', async (t) => {
  const { ask, metric, upstream } = await startUnderTest(t, { pauseAt: 40 }, { PROXY_MAX_REQUESTS: '4' })
  const replies = [await ask({ ...CHAT, n: 3, stream: true })]
  t.equal(await metric('stopgate_proxy_requests_in_flight'), 3)
  t.match(await (await ask({ ...CHAT, n: 2 })).json(), { error: { code: 'too_many_requests' } })
  replies.push(await ask({ ...CHAT, stream: true }))
  t.equal((await ask()).status, 503)
  upstream.release()
  for (const reply of replies) await reply.text()
  await until('all have ended', async () => await metric('stopgate_proxy_requests_in_flight') === 0)
  t.notMatch(await (await ask({ ...CHAT, n: 5 })).json(), { stopgate: {} }, 'more than can ever be admitted are passed through')
  t.equal(await metric('stopgate_proxy_passed_total{cause="several_samples"}'), 1)
})

t.test('a disconnect counts once', async (t) => {
  const { ask, metric, upstream } = await startUnderTest(t, { pauseAt: 40 }, { PROXY_MAX_REQUESTS: '2' })
  for (let i = 1; i <= 3; i++) {
    const leave = new AbortController()
    const reply = await ask({ ...CHAT, stream: true }, {}, PATH, leave.signal)
    t.equal(await metric('stopgate_proxy_requests_in_flight'), 1)
    leave.abort()
    await reply.text().catch(() => {})
    await until('it is over', async () => await metric('stopgate_proxy_requests_in_flight') !== 1)
    t.equal(await metric('stopgate_proxy_requests_in_flight'), 0)
    t.equal(await metric('stopgate_proxy_upstream_aborts_total{cause="client"}'), i)
  }
  upstream.release()
})
