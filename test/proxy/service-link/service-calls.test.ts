import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Backoff, createServiceClient } from '../../../src/proxy/service-link/service-calls.js'

t.test('calls have the token, and failures say whether to call again', async (t) => {
  const server = createServer((request, response) => {
    const status = Number(request.url!.slice(1))
    response.writeHead(status, { etag: 'e', 'retry-after': '2' }).end(status === 304 ? '' : JSON.stringify(request.headers))
  }).listen(0)
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const service = createServiceClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'secret')
  t.teardown(() => service.close())
  t.match(await service.get('/200', 5000), { status: 200, etag: 'e', body: { authorization: 'Bearer secret' } })
  t.match(await service.get('/304', 5000, { 'if-none-match': 'e' }), { status: 304, body: null })
  t.match(await service.post('/400', {}, 5000).catch((error) => error), { status: 400, mayRetry: false })
  t.match(await service.post('/429', {}, 5000).catch((error) => error), { status: 429, mayRetry: true, retryAfterMs: 2000 })
  t.match(await createServiceClient('http://127.0.0.1:9', '').get('/', 5000).catch((error) => error), { status: null, mayRetry: true })
})

t.test('a wait ends when the signal aborts', async (t) => {
  const ending = new AbortController()
  const waiting = new Backoff(1e6, 1e6).wait(ending.signal)
  ending.abort()
  await waiting
  const backoff = new Backoff(1, 2)
  for (let i = 0; i < 3; i++) await backoff.wait(new AbortController().signal)
  backoff.reset()
  t.pass('short waits end')
})
