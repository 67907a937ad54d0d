import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Backoff, createServiceClient } from '../../../src/proxy/service-link/service-calls.js'
import { until } from '../../helper.js'

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
  let hasEnded = false
  new Backoff(1e8, 1e8).wait(ending.signal).then(() => { hasEnded = true })
  await setImmediate()
  t.notOk(hasEnded)
  ending.abort()
  await until('the wait has ended', () => hasEnded)
})

t.test('waits double up to the longest, and begin at the first again after a reset', async (t) => {
  const waited: number[] = []
  const backoff = new Backoff(100, 400, async (ms) => { waited.push(ms) })
  const { signal } = new AbortController()
  for (let i = 0; i < 5; i++) await backoff.wait(signal)
  backoff.reset()
  await backoff.wait(signal)
  await backoff.wait(signal, 1000)
  const upTo = [100, 200, 400, 400, 400, 100]
  t.equal(waited.length, 7)
  for (const [i, most] of upTo.entries()) t.ok(waited[i]! >= most / 2 && waited[i]! <= most, `${waited[i]} ms of ${most}`)
  t.equal(waited[6], 1000, 'never less than is asked for')
})
