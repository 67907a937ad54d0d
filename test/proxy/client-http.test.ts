import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { Refusal } from '../../src/http/body-admission.js'
import { onClosed, readBody } from '../../src/proxy/client-http.js'
import { driveClock } from '../clock.js'
import { until } from '../helper.js'
import { startUnderTest } from './proxy-under-test.js'

t.test('a reply is passed back unchanged, including headers of the same name', async (t) => {
  const { proxy } = await startUnderTest(t, {}, { PROXY_ROUTES: '/echo' })
  const { port } = new URL(proxy.url)
  const reply = await new Promise<string[]>((resolve) => {
    request({ port, path: '/echo', headers: { 'x-a': ['1', '2'] } }, (message) => { message.resume(); resolve(message.rawHeaders) }).end()
  })
  t.equal(reply[reply.indexOf('x-engine') + 1], 'stand-in')
})

t.test('a reply that the model server breaks off is no abort by the client', async (t) => {
  let breakOff = () => {}
  const engine = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('half')
    breakOff = () => { response.destroy() }
  }).listen(0, '127.0.0.1')
  await once(engine, 'listening')
  t.teardown(() => { engine.close() })
  const { proxy, metric } = await startUnderTest(t, {}, { PROXY_UPSTREAM: `http://127.0.0.1:${(engine.address() as AddressInfo).port}` })
  const reply = await fetch(`${proxy.url}/v1/models`)
  breakOff()
  await t.rejects(reply.text())
  await until('its end is known', async () => await metric('stopgate_proxy_requests_in_flight') === 0)
  t.equal(await metric('stopgate_proxy_upstream_aborts_total{cause="client"}'), 0)
})

t.test('the end of each request of a connection is reported once, even if its turn never came', async (t) => {
  const closed: string[] = []
  let hasLast = false
  const server = createServer((request, response) => {
    onClosed(request, response, () => { closed.push(request.url!) })
    if (request.url === '/0') response.end()
    if (request.url === '/20') hasLast = true
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const paths = Array.from({ length: 21 }, (_, i) => `/${i}`)
  client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(''))
  await until('the first is answered, and the last has come', async () => closed.length === 1 && hasLast)
  client.destroy()
  await until('the others are reported', async () => closed.length >= paths.length)
  t.same(closed.toSorted(), paths.toSorted())
})

/** A server that reads bodies and says what it read. */
async function startReader (t: Test, { maxBytes = 1000, timeoutMs = 10_000, refusal = null as Refusal | null, isParsed = false } = {}) {
  const results: string[] = []
  const sockets: Socket[] = []
  const server = createServer((request: IncomingMessage, response) => {
    readBody(request, { maxBytes, timeoutMs, ticket: { grow: () => refusal }, isParsed })
      .then(async (body) => typeof body === 'string' ? body : Buffer.isBuffer(body) ? `whole ${body.length}` : `stream ${(await text(body)).length}`)
      .catch((error: Error) => error.name)
      .then((summary) => { results.push(summary); response.end(summary) })
  }).on('connection', (socket: Socket) => { sockets.push(socket) }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const { port } = server.address() as AddressInfo
  return {
    results,
    received: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    post: async (body: string) => await (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body })).text(),
    /** Sends the head of a request and a part of its body. */
    open (length: number, part: string) {
      const client = connect(port, '127.0.0.1').on('error', () => {})
      client.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n${part}`)
      return client
    },
  }
}

t.test('a short body is read whole, and of a long one nothing is lost', async (t) => {
  const { post } = await startReader(t)
  t.equal(await post('x'.repeat(1000)), 'whole 1000')
  t.equal(await post('x'.repeat(1_000_000)), 'stream 1000000')
})

t.test('a body that does not arrive, is refused or whose client leaves is given up', async (t) => {
  const clock = driveClock(t)
  const slow = await startReader(t, { timeoutMs: 50 })
  slow.open(10, 'x')
  slow.open(100_000, 'x'.repeat(50_000))
  await until('both are given up', async () => {
    await clock.advance(50)
    return slow.results.length === 2
  })
  t.same(slow.results.sort(), ['LateBodyError', 'late'])
  const trickling = await startReader(t, { timeoutMs: 300 })
  const trickler = trickling.open(100_000, 'x'.repeat(50_000))
  await until('its first part has come', () => trickling.received() > 50_000)
  for (let part = 0; part < 20; part++) {
    const received = trickling.received()
    trickler.write('x')
    await until('a byte has come', () => trickling.received() > received || trickling.results.length > 0)
    await clock.advance(20)
  }
  t.same(trickling.results, ['LateBodyError'], 'one that trickles in is given up, too')
  t.equal(await (await startReader(t, { refusal: 'full' })).post('x'), 'full')
  const left = await startReader(t)
  const client = left.open(10, 'x')
  await once(client, 'connect')
  client.destroy()
  await until('it is noticed', () => left.results.length === 1)
  t.same(left.results, ['gone'])
})

t.test('a body that would cost too much to parse is refused before it has arrived, unless nobody parses it', async (t) => {
  const limits = { maxBytes: 10_000_000 }
  const [parsing, passing] = await Promise.all([startReader(t, { ...limits, isParsed: true }), startReader(t, limits)])
  const nested = '['.repeat(100_000)
  parsing.open(1_000_000, nested)
  await until('it is refused', async () => parsing.results.length === 1)
  t.same(parsing.results, ['costly'])
  t.equal(await passing.post(nested), 'whole 100000')
  t.equal(await parsing.post('['.repeat(10_000)), 'whole 10000', 'a short one costs little')
})
