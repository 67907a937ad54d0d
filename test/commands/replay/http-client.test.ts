import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createHttpClient, type ClientOptions } from '../../../src/commands/replay/http-client.js'

async function client (t: Test, listener: RequestListener, options?: ClientOptions) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const it = createHttpClient(`http://127.0.0.1:${port}/base/`, 2, options)
  t.teardown(() => { it.close(); server.closeAllConnections(); server.close() })
  return it
}

t.test('sends JSON and reads JSON, on connections that stay open', async (t) => {
  const ports = new Set()
  const { send, requests } = await client(t, (request, response) => {
    ports.add(request.socket.remotePort)
    let body = ''
    request.on('data', (part) => { body += part }).on('end', () => {
      response.end(JSON.stringify({ url: request.url, method: request.method, type: request.headers['content-type'], body }))
    })
  })
  t.strictSame(await send('POST', '/v1/x', { a: 'é' }), { url: '/base/v1/x', method: 'POST', type: 'application/json', body: '{"a":"é"}' })
  t.match(await send('GET', '/v1/y'), { url: '/base/v1/y', method: 'GET', body: '' })
  t.equal(ports.size, 1)
  t.equal(requests(), 2)
})

t.test('sends a token where it has one', async (t) => {
  const listener: RequestListener = (request, response) => { response.end(JSON.stringify(request.headers.authorization ?? 'none')) }
  const bearing = await client(t, listener, { token: 'stopgate_x' })
  for (const method of ['GET', 'POST'] as const) t.equal(await bearing.send(method, '/', method === 'POST' ? {} : undefined), 'Bearer stopgate_x')
  t.equal(await (await client(t, listener)).send('GET', '/'), 'none')
})

t.test('waits out a 503 as long as it says', async (t) => {
  let calls = 0
  const { send } = await client(t, (_request, response) => {
    if (++calls < 3) response.writeHead(503, { 'retry-after': '0' }).end('{}')
    else response.end('{"ok":true}')
  })
  t.strictSame(await send('POST', '/', {}), { ok: true })
  t.equal(calls, 3)
})

t.test('gives up on a service that stays away', async (t) => {
  const { send } = await client(t, (_request, response) => { response.writeHead(503, { 'retry-after': '1' }).end('{}') }, { patienceMs: 0 })
  await t.rejects(send('GET', '/'), { name: 'ServiceError', message: /no service at .*: it answers 503/ })
  const nobody = createHttpClient('http://127.0.0.1:1', 1, { patienceMs: 0 })
  await t.rejects(nobody.send('GET', '/'), { name: 'ServiceError', message: /no service at http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/ })
})

t.test('sends again what a lost connection may have swallowed', async (t) => {
  let calls = 0
  const { send } = await client(t, (request, response) => { if (++calls === 1) request.socket.destroy(); else response.end('{"ok":true}') })
  t.strictSame(await send('POST', '/', {}), { ok: true })
})

t.test('says what was refused', async (t) => {
  const { send } = await client(t, (_request, response) => { response.writeHead(400).end('{"code":"INVALID_INPUT","message":"/tokens must be >= 0"}') })
  await t.rejects(send('POST', '/v1/decisions', {}), { name: 'ServiceError', message: 'POST /v1/decisions answered 400 INVALID_INPUT: /tokens must be >= 0' })
})

t.test('tells another kind of server', async (t) => {
  const { send } = await client(t, (_request, response) => { response.end('<html>') })
  await t.rejects(send('GET', '/v1/model'), { name: 'ServiceError', message: /answered 200 without JSON: is this a stopgate service/ })
})
