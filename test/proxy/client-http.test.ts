import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { onClosed, readBody } from '../../src/proxy/client-http.js'
import { until } from '../helper.js'
import { startUnderTest } from './proxy-under-test.js'

t.test('a reply is passed back unchanged, including headers of the same name', async (t) => {
  const { proxy } = await startUnderTest(t)
  const { port } = new URL(proxy.url)
  const reply = await new Promise<string[]>((resolve) => {
    request({ port, path: '/echo', headers: { 'x-a': ['1', '2'] } }, (message) => { message.resume(); resolve(message.rawHeaders) }).end()
  })
  t.equal(reply[reply.indexOf('x-engine') + 1], 'stand-in')
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

t.test('a short body is read whole, and of a long one nothing is lost', async (t) => {
  const server = createServer((request: IncomingMessage, response) => {
    readBody(request, 1000)
      .then(async (body) => Buffer.isBuffer(body) ? `whole ${body.length}` : `stream ${(await text(body)).length}`)
      .then((summary) => response.end(summary), (error) => { throw error })
  }).listen(0)
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const post = async (body: string) => await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { method: 'POST', body })).text()
  t.equal(await post('x'.repeat(1000)), 'whole 1000')
  t.equal(await post('x'.repeat(1_000_000)), 'stream 1000000')
})
