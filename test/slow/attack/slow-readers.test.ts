import { createServer } from 'node:http'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { until } from '../../helper.js'
import { startUnderTest } from '../../proxy/proxy-under-test.js'

// Clients that ask for replies without end and never read them, of generations and of requests that are passed through.

const READERS = Number(process.env.READERS ?? 100)
const MIB = 2 ** 20
const PART = `data: ${JSON.stringify({ choices: [{ index: 0, text: 'x'.repeat(16_000), finish_reason: null }] })}\n\n`

t.test('replies that nobody reads fill no memory, and end', { timeout: 300_000 }, async (t) => {
  let open = 0
  let opened = 0
  const model = createServer((request, response) => {
    if (request.method === 'GET') { response.end('{"data":[{"id":"m","owned_by":"whoever"}]}'); return }
    open++
    opened++
    response.on('close', () => { open-- }).writeHead(200, { 'content-type': 'text/event-stream' })
    const goOn = () => { while (!response.destroyed && response.write(PART)); }
    response.on('drain', goOn)
    goOn()
  }).listen(0, '127.0.0.1')
  t.teardown(() => { model.close() })
  await once(model, 'listening')
  const { metric, proxy } = await startUnderTest(t, {}, {
    PROXY_UPSTREAM: `http://127.0.0.1:${(model.address() as AddressInfo).port}`, PROXY_DIALECT: 'plain', PROXY_BODY_SECONDS: '5',
  })
  const inFlight = () => metric('stopgate_proxy_requests_in_flight')
  const before = process.memoryUsage().rss
  const body = JSON.stringify({ model: 'm', prompt: 'q', max_tokens: 9000, stream: true })
  const sockets: Socket[] = []
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  for (let i = 0; i < READERS; i++) {
    const path = i % 2 === 0 ? '/v1/completions' : '/v1/responses'
    sockets.push(connect(Number(new URL(proxy.url).port), '127.0.0.1').on('error', () => {}).pause())
    sockets.at(-1)!.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  }
  let most = 0
  await until('all have been asked for and have ended', async () => {
    most = Math.max(most, process.memoryUsage().rss - before)
    return opened === READERS && open === 0 && await inFlight() === 0 // the first may end before the last is opened
  })
  t.comment(`${READERS} clients took ${Math.round(most / MIB)} MiB`)
  t.ok(most < READERS * 4 * MIB, 'the model server waits until they have read')
})
