import { gzipSync } from 'node:zlib'
import t from 'tap'
import { build } from '../helper.js'

const json = { 'content-type': 'application/json' }

t.test('a DELETE without a body may state a content type', async (t) => {
  const { app, send } = await build(t)
  await send('PUT', '/v1/contexts/*/pin', { threshold: 0.5, reason: 'why' })
  const reply = await app.inject({ method: 'DELETE', url: '/v1/contexts/*/pin?reason=over', headers: json })
  t.equal(reply.statusCode, 204)
})

t.test('a required body must not be empty and must not contain __proto__', async (t) => {
  const { app } = await build(t)
  const post = async (payload: string) => (await app.inject({ method: 'POST', url: '/v1/decisions', headers: json, payload })).json()
  t.match(await post(''), { statusCode: 400, code: 'INVALID_INPUT', message: /empty/ })
  t.match(await post('{"tokens":1,"confidence":1,"__proto__":{"a":1}}'), { statusCode: 400 })
  t.match(await post('{"tokens":1,"confidence":1}'), { decision: 'continue' })
})

t.test('a compressed body is refused', async (t) => {
  const { app } = await build(t)
  const post = async (encoding: string, payload: string | Buffer) =>
    await app.inject({ method: 'POST', url: '/v1/decisions', headers: { ...json, 'content-encoding': encoding }, payload })
  const refused = await post('gzip', gzipSync('{"tokens":1,"confidence":1}'))
  t.match(refused.json(), { statusCode: 415, code: 'UNSUPPORTED_CONTENT_ENCODING', message: /gzip .* send the body uncompressed/ })
  t.equal(refused.headers['accept-encoding'], 'identity')
  for (const none of ['identity', 'Identity']) t.equal((await post(none, '{"tokens":1,"confidence":1}')).statusCode, 200)
})

t.test('a body of another type is refused', async (t) => {
  const { app } = await build(t)
  for (const type of ['text/plain', 'text/plain; charset=utf-8', 'application/x-www-form-urlencoded', 'nonsense']) {
    const reply = await app.inject({ method: 'POST', url: '/v1/decisions', headers: { 'content-type': type }, payload: '{"tokens":1,"confidence":1}' })
    t.match(reply.json(), { statusCode: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message: /content-type: application\/json/ }, type)
  }
})
