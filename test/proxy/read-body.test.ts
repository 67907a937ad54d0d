import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { readBody } from '../../src/proxy/read-body.js'

t.test('a short body is read whole, and of a long one nothing is lost', async (t) => {
  const server = createServer((request: IncomingMessage, response) => {
    readBody(request, 1000)
      .then(async (body) => Buffer.isBuffer(body) ? `whole ${body.length}` : `stream ${(await text(body)).length}`)
      .then((what) => response.end(what), (error) => { throw error })
  }).listen(0)
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const post = async (body: string) => await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { method: 'POST', body })).text()
  t.equal(await post('x'.repeat(1000)), 'whole 1000')
  t.equal(await post('x'.repeat(1_000_000)), 'stream 1000000')
})
