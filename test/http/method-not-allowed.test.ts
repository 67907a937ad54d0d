import t from 'tap'
import { build } from '../helper.js'

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
    for (const [url, allow] of [['/v1/decisions?a=1', 'POST'], ['/v1/contexts/%2A/pin', 'DELETE, PUT'], ['/v1/training-runs/q/plot.svg', 'GET, HEAD']]) {
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
