import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { itemValidator } from '../../openapi/validation.js'
import { ErrorSchema } from '../../openapi/error-schemas.js'
import { build } from '../helper.js'

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
  t.match(await answer(`GET /livez HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`), { statusCode: 431, code: 'HEADERS_TOO_LARGE' })
  app.server.requestTimeout = app.server.headersTimeout = 500
  t.match(await answer('POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'), { statusCode: 408, code: 'REQUEST_TIMEOUT' })
  const text = await metrics.render()
  for (const cause of ['malformed', 'headers', 'timeout']) t.match(text, `stopgate_connections_cut_total{cause="${cause}"} 1\n`)
  t.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
})

t.test('an invalid URL is refused', async (t) => {
  const { send } = await build(t)
  t.match((await send('GET', '/v1/contexts/%zz')).body, { statusCode: 400, code: 'INVALID_URL', error: 'Bad Request', message: /including % as %25$/ })
})
