import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Agent } from 'undici'
import { exchange } from '../../src/proxy/exchange.js'

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
  const ask = async (path: string, { signal }: AbortController) => await exchange(agent, { origin, path, method: 'GET' }, signal)
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
