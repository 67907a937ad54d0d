import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { build } from '../helper.js'

const ASCII = JSON.stringify({ steps: [{ tokens: 1, confidence: 1 }] })
/** An error of the reply names the unknown field. */
const ACCENTED = JSON.stringify({ steps: [{ tokens: 1, confidence: 1, 'é€': 1 }] })
const requestOf = (body: string, connection = 'keep-alive') => 'POST /v1/decisions/batch HTTP/1.1\r\nhost: x\r\n' +
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
