import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { sleep } from '../../clock.js'
import { build, temporaryFolder, until } from '../../helper.js'
import { startProcess } from '../../service-process.js'

// `npm run soak` opens 10,000 connections, so the limit of open files (ulimit -n) must be above that.

const CONNECTIONS = Number(process.env.CONNECTIONS ?? 500)
const KIB = 1024
const step = { arm: 'treated', tokens: 1, confidence: 1 }

/** The data that clients send before they fall silent: nothing, a part of the headers, or a part of a body. */
const BEGINNINGS = ['', 'POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\ncontent-', 'POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"tokens']

t.test(`${CONNECTIONS} idle connections do not block other clients, and each costs little memory`, async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), SHUTDOWN_SECONDS: '4' })
  const url = await service.url()
  const memory = async () => Number(/^process_resident_memory_bytes (\S+)/m.exec(await (await fetch(`${url}/metrics`)).text())![1])
  for (let i = 0; i < 200; i++) await service.post('/v1/decisions', step)
  const before = await memory()
  const sockets: Socket[] = []
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  while (sockets.length < CONNECTIONS) {
    const some = Array.from({ length: Math.min(100, CONNECTIONS - sockets.length) }, () => connect(Number(new URL(url).port), '127.0.0.1'))
    await Promise.all(some.map((socket) => once(socket, 'connect')))
    for (const socket of some) socket.on('error', () => {}).write(BEGINNINGS[sockets.push(socket) % 3]!)
  }
  const statuses = new Set<number>()
  for (let i = 0; i < 50; i++) statuses.add((await service.post('/v1/decisions', step)).status)
  t.same([...statuses], [200])
  const kibPerConnection = (await memory() - before) / CONNECTIONS / KIB
  t.ok(kibPerConnection < 64, `${Math.round(kibPerConnection)} KiB per connection`)
  service.child.kill('SIGTERM')
  t.same(await service.exited, { code: 0, signal: null }, 'idle connections do not keep the service from closing')
})

/** Sends `head` at once and `rest` byte by byte. `answer` returns the data received, or `null` while the connection is open. */
function drip (t: Test, port: number, head: string, rest: string): { answer: () => string | null } {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => { socket.destroy() })
  let received = ''
  const over = new AbortController()
  socket.on('data', (chunk) => { received += chunk }).on('error', () => {}).on('close', () => { over.abort() })
  socket.write(head)
  const dripping = async () => {
    for (let sent = 0; sent < rest.length && !over.signal.aborted; sent++) {
      socket.write(rest[sent]!)
      await sleep(20) // a slow client
    }
  }
  t.teardown(() => { over.abort() })
  dripping()
  return { answer: () => over.signal.aborted ? received : null }
}

t.test('clients that send slowly or fall silent are cut off, and a client that half-closes is answered', async (t) => {
  const { app } = await build(t)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const port = Number(new URL(url).port)
  const whole = JSON.stringify(step)
  const head = `POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${whole.length}\r\n\r\n`
  const long = head.replace(/content-length: \d+/, 'content-length: 10000')
  const slow = {
    'slow headers': drip(t, port, '', `GET /livez HTTP/1.1\r\nx: ${'x'.repeat(10_000)}`),
    'a slow body': drip(t, port, long, 'x'.repeat(10_000)),
    'half a body': drip(t, port, long, ''),
    'no request': drip(t, port, '', ''),
  }
  const halfClosed = connect(port, '127.0.0.1').end(head + whole) // ends its side of the connection and still reads
  t.match(String((await once(halfClosed, 'data'))[0]), /^HTTP\/1.1 200 /)
  t.equal((await app.inject('/livez')).statusCode, 200)
  const { requestTimeout, headersTimeout } = app.server
  t.same([requestTimeout, headersTimeout], [30_000, 30_000])
  app.server.requestTimeout = app.server.headersTimeout = 500 // ms, instead of 30 s
  for (const [name, { answer }] of Object.entries(slow)) {
    await until(`the client that sends ${name} is cut off`, () => answer() !== null)
    t.match(answer(), /^(HTTP\/1.1 408 |$)/, `${name}: cut off as too slow`)
  }
  Object.assign(app.server, { requestTimeout, headersTimeout })
  t.match(await (await fetch(`${url}/v1/decisions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: whole })).json(), { decision: 'continue' })
})
