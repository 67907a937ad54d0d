import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { build } from '../../helper.js'

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

t.test('a body that comes in parts is read whole; a body that is too large or incomplete is refused', async (t) => {
  const { app } = await build(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as { port: number }
  const post = async (...parts: Array<string | Buffer>) => {
    const client = connect(port, '127.0.0.1').on('error', () => {})
    t.teardown(() => { client.destroy() })
    client.write('POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n')
    for (const part of parts) {
      client.write(`${part.length.toString(16)}\r\n`)
      client.write(part)
      client.write('\r\n')
    }
    client.write('0\r\n\r\n')
    let reply = ''
    client.on('data', (chunk) => { reply += chunk })
    await once(client, 'close')
    return reply
  }
  const body = Buffer.from('{"tokens":1,"confidence":1,"context":{"model":"é"}}')
  const inside = body.indexOf('é') + 1 // the parts of a character
  t.match(await post(body.subarray(0, inside), body.subarray(inside)), /^HTTP\/1.1 200 [^]*"context":"model=é,task=-"/)
  t.match(await post(...Array<string>(6).fill(' '.repeat(1024 * 1024))), /^HTTP\/1.1 413 [^]*BODY_TOO_LARGE/)

  const client = connect(port, '127.0.0.1')
  client.write('POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"tokens":')
  const [, reply] = await once(app.server, 'request')
  client.destroy()
  await once(reply, 'close')
  t.equal(reply.statusCode, 400)
})

const ASCII = JSON.stringify({ steps: [{ tokens: 1, confidence: 1 }] })
/** An error of the reply names the unknown field. */
const ACCENTED = JSON.stringify({ steps: [{ tokens: 1, confidence: 1, 'é€': 1 }] })
const requestOf = (body: string, connection = 'keep-alive') => 'POST /v1/decisions/batch HTTP/1.1\r\nhost: localhost\r\n' +
  `connection: ${connection}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

t.test('replies are whole and in order on a connection, whether or not they are ASCII', async (t) => {
  const { app } = await build(t)
  const expected = await Promise.all([ASCII, ACCENTED].map(async (payload) =>
    (await app.inject({ method: 'POST', url: '/v1/decisions/batch', headers: { 'content-type': 'application/json' }, payload })).body))
  t.match(expected[1], 'é€')
  await app.listen({ port: 0 })
  const client = connect((app.server.address() as { port: number }).port, '127.0.0.1')
  t.teardown(() => { client.destroy() })
  const chunks: Buffer[] = []
  client.on('data', (chunk) => { chunks.push(chunk) })
  client.write(requestOf(ASCII) + requestOf(ACCENTED) + requestOf(ASCII, 'close'))
  await once(client, 'close')
  const replies = Buffer.concat(chunks).toString().split(/(?=HTTP\/1\.1 )/)
  t.strictSame(replies.map((reply) => reply.split('\r\n\r\n')[1]), [expected[0], expected[1], expected[0]])
  for (const reply of replies) {
    const [head = '', body = ''] = reply.split('\r\n\r\n')
    t.match(head, /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/json; charset=utf-8\r\n/)
    t.match(head, `content-length: ${Buffer.byteLength(body)}`)
  }
})

t.test('a large body that is nested deeply is refused before it is parsed', async (t) => {
  const { app } = await build(t)
  for (const url of ['/v1/decisions/batch', '/v1/outcomes/batch', '/v1/enrolments', '/v1/training-runs/r/checkpoints']) {
    const reply = await app.inject({ method: 'POST', url, headers: json, payload: '['.repeat(2 ** 21) + ']'.repeat(2 ** 21) })
    t.match(reply.json(), { statusCode: 400, code: 'INVALID_INPUT', message: /too many levels/ }, url)
  }
})
