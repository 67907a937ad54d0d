import { once } from 'node:events'
import { connect } from 'node:net'
import createError from '@fastify/error'
import t from 'tap'
import { ErrorSchema } from '../../../openapi/field-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { ERROR_CODES } from '../../../src/errors/error-codes.js'
import { toPublicError } from '../../../src/service/http/http-errors.js'
import { StoreFullError } from '../../../src/store/store-errors.js'
import { build } from '../../helper.js'

const problem = itemValidator(ErrorSchema)

t.test('malformed, oversized and slow requests get errors in our format', async (t) => {
  const { app, metrics } = await build(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as { port: number }
  const answer = async (sent: string) => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    socket.write(sent)
    let text = ''
    socket.on('data', (chunk) => { text += chunk })
    await once(socket, 'close')
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n')))
    t.equal(problem(body), null)
    t.match(text, `HTTP/1.1 ${body.statusCode} ${body.error}\r\n`)
    return body
  }
  t.match(await answer('no HTTP\r\n\r\n'), { statusCode: 400, code: 'MALFORMED_REQUEST' })
  t.match(await answer(`GET /livez HTTP/1.1\r\nhost: localhost\r\na: ${'x'.repeat(20_000)}\r\n\r\n`), { statusCode: 431, code: 'HEADERS_TOO_LARGE' })
  app.server.requestTimeout = app.server.headersTimeout = 500
  t.match(await answer('POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'), { statusCode: 408, code: 'REQUEST_TIMEOUT' })
  const text = await metrics.render()
  for (const cause of ['malformed', 'headers', 'timeout']) t.match(text, `stopgate_connections_cut_total{cause="${cause}"} 1\n`)
  t.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
})

t.test('an invalid URL is refused', async (t) => {
  const { send } = await build(t)
  t.match((await send('GET', '/v1/contexts/%zz')).body, { statusCode: 400, code: 'INVALID_URL', error: 'Bad Request', message: /including % as %25$/ })
})

t.test('a method that a path does not have gets 405 with the allowed methods', async (t) => {
  const { app, send } = await build(t)
  const cases = [
    ['GET', '/v1/decisions', 'POST'], ['OPTIONS', '/v1/outcomes/batch', 'POST'], ['POST', '/v1/contexts', 'GET, HEAD'],
    ['POST', '/v1/contexts/*/policy', 'DELETE, GET, HEAD, PATCH, PUT'], ['GET', '/v1/contexts/*/pin', 'DELETE, PUT'], ['DELETE', '/livez', 'GET, HEAD'],
    ['GET', '/v1/%64ecisions', 'POST'], ['GET', '/v1/decisions#x', 'POST'], ['POST', '/v1/contexts/', 'GET, HEAD'],
  ] as const
  for (const [method, url, allow] of cases) {
    const reply = await send(method, url)
    t.match(reply, { status: 405, headers: { allow }, body: { statusCode: 405, code: 'METHOD_NOT_ALLOWED', error: 'Method Not Allowed' } }, `${method} ${url}`)
    t.match(reply.body.message, allow)
  }
  t.equal((await send('POST', '/v1/nowhere')).status, 404)
  t.equal((await app.inject({ method: 'HEAD', url: '/livez' })).statusCode, 200)
  const malformed = { method: 'POST', url: '/v1/contexts', headers: { 'content-type': 'application/json' }, payload: '{' } as const
  t.equal((await app.inject(malformed)).statusCode, 405, 'the body is not read')
})

t.test('a method that is rarely used gets the same reply as others', async (t) => {
  const { send } = await build(t)
  for (const method of ['QUERY', 'TRACE', 'PROPFIND']) {
    for (const [url, allow] of [['/v1/decisions?a=1', 'POST'], ['/v1/contexts/%2A/pin', 'DELETE, PUT'], ['/v1/training-runs/q', 'GET, HEAD']]) {
      t.match(await send(method as 'GET', url!), { status: 405, headers: { allow } }, `${method} ${url}`)
    }
    if (method !== 'QUERY') t.equal((await send(method as 'GET', '/v1/nowhere')).status, 404) // Fastify requires a body of QUERY first
  }
})

t.test('allowed methods are shown without a token', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: JSON.stringify([{ name: 'w', role: 'worker', sha256: 'a'.repeat(64) }]) })
  t.equal((await send('GET', '/v1/decisions')).status, 405)
  t.equal((await send('POST', '/v1/decisions', {})).status, 401)
})

t.test('foreign errors get our codes and keep their status', async (t) => {
  const made = (code: string, status: number) => new (createError(code, 'what is wrong', status))()
  t.match(toPublicError(made('FST_NEW', 416), 'r'), { code: 'REFUSED', statusCode: 416, message: 'what is wrong' })
  t.match(toPublicError(Object.assign(new Error('no code'), { statusCode: 412 }) as never, 'r'), { code: 'REFUSED', statusCode: 412 })
  t.match(toPublicError(made('FST_NEW', 500), 'r'), { code: 'INTERNAL', message: /^Internal error.* request id r / })
  t.match(toPublicError(new StoreFullError() as never, 'r'), { code: 'LOG_FULL' })
})

t.test('every error of ours reaches the client as it is', async (t) => {
  for (const { code, status } of ERROR_CODES) {
    const error = new (createError(code, 'what to do', status))()
    t.equal(toPublicError(error, 'r'), error, code)
  }
})

t.test('refusals of Fastify and its plugins have our format', async (t) => {
  const { app } = await build(t)
  const get = async (url: string, headers = {}) => (await app.inject({ url, headers })).json()
  t.match(await get(`/v1/contexts/${'x'.repeat(4097)}`), { statusCode: 414, code: 'PATH_TOO_LONG', error: 'URI Too Long' })
  t.match(await get('/docs/static/%00'), { statusCode: 403, code: 'REFUSED' })
  t.match(await get('/docs/static/swagger-ui.css', { range: 'bytes=99999999-' }), { statusCode: 416, code: 'REFUSED' })
})
