import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { build, until } from '../helper.js'

t.test('an internal error shows only the request id', async (t) => {
  const { app, store, send } = await build(t)
  t.teardown(() => delete (store as unknown as Record<string, unknown>).contextKeys)
  Object.defineProperty(store, 'contextKeys', { configurable: true, value: () => Promise.reject(new Error('secret detail')) })
  const { status, body } = await send('GET', '/v1/contexts')
  t.equal(status, 500)
  t.match(body, { statusCode: 500, code: 'INTERNAL', message: /request id req-\d+ in the log/ })
  t.notMatch(JSON.stringify(body), /secret/)
  t.equal((await app.inject({ url: '/v1/contexts', headers: { 'x-request-id': 'mine' } })).json().message, 'Internal error. Ask the operator to look for request id mine in the log')
})

t.test('HEAD works, and wrong methods and unknown routes are refused', async (t) => {
  const { app } = await build(t)
  t.equal((await app.inject({ method: 'HEAD', url: '/livez' })).statusCode, 200)
  t.match((await app.inject({ method: 'DELETE', url: '/v1/decisions' })).json(), { code: 'METHOD_NOT_ALLOWED', message: /DELETE .* POST/ })
})

t.test('requests that reach no route are counted too', async (t) => {
  const { app, metrics } = await build(t)
  for (const [url, status] of [['/none', 404], ['/v1/contexts/%zz', 400], [`/v1/contexts/${'x'.repeat(5000)}`, 414]] as const) {
    t.equal((await app.inject({ url })).statusCode, status)
    t.match(await metrics.render(), `stopgate_http_request_duration_seconds_count{method="GET",route="none",status_code="${status}"} 1\n`)
  }
})

t.test('a request that comes during the shutdown is served, since services close after connections', async (t) => {
  const { app } = await build(t)
  await app.listen({ port: 0 })
  const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => { text += String(chunk) })
  const body = '{"tokens":1,"confidence":1}'
  const head = `POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  const came = once(app.server, 'request')
  socket.write(head)
  await came
  const closing = app.close()
  await until('it listens no more', () => !app.server.listening)
  // The second request is an operator's, which is never refused as overload, even if the first one takes long on a busy machine.
  socket.write(`${body}GET /v1/audit HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  await once(socket, 'close')
  await closing
  t.same(text.match(/HTTP\/1.1 \d+|connection: \S+/gi), ['HTTP/1.1 200', 'Connection: keep-alive', 'HTTP/1.1 200', 'Connection: close'])
})
