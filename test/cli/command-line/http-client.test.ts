import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createNetServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createHttpClient, type ClientOptions } from '../../../src/cli/command-line/http-client.js'
import { makeAuthority, withoutOpenssl } from '../../tls-certificates.js'
import { temporaryFolder } from '../../helper.js'

async function client (t: Test, listener: RequestListener, options?: ClientOptions) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const it = createHttpClient(`http://127.0.0.1:${port}/base/`, 2, options)
  t.teardown(() => { it.close(); server.closeAllConnections(); server.close() })
  return it
}

t.test('it sends and reads JSON on kept-alive connections', async (t) => {
  const ports = new Set()
  let requests = 0
  const { send } = await client(t, (request, response) => {
    requests++
    ports.add(request.socket.remotePort)
    let body = ''
    request.on('data', (part) => { body += part }).on('end', () => {
      response.end(JSON.stringify({ url: request.url, method: request.method, type: request.headers['content-type'], body }))
    })
  })
  t.strictSame(await send('POST', '/v1/x', { a: 'é' }), { url: '/base/v1/x', method: 'POST', type: 'application/json', body: '{"a":"é"}' })
  t.match(await send('GET', '/v1/y'), { url: '/base/v1/y', method: 'GET', body: '' })
  for (let i = 0; i < 3; i++) await send('GET', '/v1/z')
  t.ok(ports.size <= 2, 'the client was given two connections')
  t.equal(requests, 5)
})

t.test('it sends its token', async (t) => {
  const listener: RequestListener = (request, response) => { response.end(JSON.stringify(request.headers.authorization ?? 'none')) }
  const withToken = await client(t, listener, { token: 'stopgate_x' })
  for (const method of ['GET', 'POST'] as const) t.equal(await withToken.send(method, '/', method === 'POST' ? {} : undefined), 'Bearer stopgate_x')
  t.equal(await (await client(t, listener)).send('GET', '/'), 'none')
})

t.test('it waits as long as a 503 asks', async (t) => {
  let calls = 0
  const { send } = await client(t, (_request, response) => {
    if (++calls < 3) response.writeHead(503, { 'retry-after': '0' }).end('{}')
    else response.end('{"ok":true}')
  })
  t.strictSame(await send('POST', '/', {}), { ok: true })
  t.equal(calls, 3)
})

t.test('it waits and says so if its token exceeds a rate limit', async (t) => {
  let calls = 0
  const waits: string[] = []
  const { send } = await client(t, (_request, response) => {
    if (++calls < 3) response.writeHead(429, { 'retry-after': '0' }).end('{"code":"TOO_MANY_REQUESTS","message":"too many"}')
    else response.end('{"ok":true}')
  }, { onWait: (reason) => { waits.push(reason) } })
  t.strictSame(await send('POST', '/', {}), { ok: true })
  t.match(waits, [/waiting: the service at .* answers 429: too many/])
  t.equal(waits.length, 1)
})

t.test('aborting the signal ends the wait', async (t) => {
  const stop = new AbortController()
  const { send } = await client(t, (_request, response) => {
    response.writeHead(503, { 'retry-after': '3600' }).end('{}')
  }, { patienceMs: Infinity, signal: stop.signal, onWait: () => { stop.abort() } })
  await t.rejects(send('GET', '/'), { name: 'ServiceError', message: /answers 503/ })
})

t.test('it gives up on a service that stays unavailable', async (t) => {
  const { send } = await client(t, (_request, response) => { response.writeHead(503, { 'retry-after': '1' }).end('{}') }, { patienceMs: 0 })
  await t.rejects(send('GET', '/'), { name: 'ServiceError', message: /the service at .* answers 503/ })
})

t.test('it gives up early and suggests a remedy if nothing ever answered', async (t) => {
  const waits: string[] = []
  const refused = createHttpClient('http://127.0.0.1:1', 1, { patienceMs: Infinity, onWait: (reason) => { waits.push(reason) } })
  await t.rejects(refused.send('GET', '/'), { name: 'ServiceError', message: /no service at http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*; start it there, or give its address with --url/ })
  t.equal(waits.length, 1)
  const silent = createNetServer()
  await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { silent.close() })
  const unanswered = createHttpClient(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, 1, { patienceMs: 0 })
  t.teardown(() => unanswered.close())
  await t.rejects(unanswered.send('GET', '/'), { name: 'ServiceError', message: /no service at .*: no reply/ })
})

t.test('the error for an unknown certificate authority says how to add it', { skip: withoutOpenssl }, async (t) => {
  const { cert, key, issue } = makeAuthority(await temporaryFolder(t))
  const issued = issue('service')
  for (const shown of [{ cert, key }, issued]) {
    const server = createTlsServer({ cert: await readFile(shown.cert), key: await readFile(shown.key) }, (_request, response) => { response.end('{}') })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const it = createHttpClient(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, 1, { patienceMs: 0 })
    t.teardown(() => { it.close(); server.close() })
    await t.rejects(it.send('GET', '/'), { name: 'ServiceError', message: /unknown authority \(.*\): name the PEM file of the authority in NODE_EXTRA_CA_CERTS/ })
  }
})

t.test('a wrong token or address is explained', async (t) => {
  const { send } = await client(t, (_request, response) => { response.writeHead(401).end('{"code":"UNAUTHENTICATED","message":"This needs a token"}') })
  await t.rejects(send('GET', '/'), { name: 'ServiceError', message: /answered 401 UNAUTHENTICATED: This needs a token \(STOPGATE_TOKEN or --token\)/ })
  const lost = await client(t, (_request, response) => { response.writeHead(404).end('{"code":"ROUTE_NOT_FOUND","message":"No route"}') })
  await t.rejects(lost.send('GET', '/'), { message: /No route \(--url is the address alone, without \/v1\)/ })
})

t.test('credentials in the address are sent unless there is a token', async (t) => {
  const server = createServer((request, response) => { response.end(JSON.stringify(request.headers.authorization)) })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const url = `http://ops:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const [token, expected] of [[undefined, `Basic ${btoa('ops:p@ss')}`], ['stopgate_x', 'Bearer stopgate_x']] as const) {
    const it = createHttpClient(url, 1, { token })
    t.equal(await it.send('GET', '/'), expected)
    await it.close()
  }
})

t.test('it repeats a request whose reply breaks off', async (t) => {
  let calls = 0
  const { send } = await client(t, (request, response) => {
    if (++calls > 1) { response.end('{"ok":true}'); return }
    response.writeHead(200, { 'content-length': 20 }).write('{"ok":', () => { request.socket.destroy() })
  })
  t.strictSame(await send('POST', '/', {}), { ok: true })
  t.equal(calls, 2)
})

t.test('it repeats a request after a lost connection', async (t) => {
  let calls = 0
  const { send } = await client(t, (request, response) => { if (++calls === 1) request.socket.destroy(); else response.end('{"ok":true}') })
  t.strictSame(await send('POST', '/', {}), { ok: true })
})

t.test('an error reply is quoted', async (t) => {
  const { send } = await client(t, (_request, response) => { response.writeHead(400).end('{"code":"INVALID_INPUT","message":"/tokens must be >= 0"}') })
  await t.rejects(send('POST', '/v1/decisions', {}), { name: 'ServiceError', message: /^POST http:\/\/127\.0\.0\.1:\d+\/base\/v1\/decisions answered 400 INVALID_INPUT: \/tokens must be >= 0$/ })
})

t.test('another kind of server is recognised', async (t) => {
  const { send } = await client(t, (_request, response) => { response.end('<html>') })
  await t.rejects(send('GET', '/v1/snapshot'), { name: 'ServiceError', message: /^GET http:.*\/v1\/snapshot answered 200, but not like a stopgate service: .*--url/ })
  const other = await client(t, (_request, response) => { response.writeHead(404).end('{"error":"no such index"}') })
  await t.rejects(other.send('GET', '/v1/snapshot'), { name: 'ServiceError', message: /answered 404, but not like a stopgate service/ })
})
