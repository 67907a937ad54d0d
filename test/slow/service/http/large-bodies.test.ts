import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import { losslessOutcome } from '../../../certify.js'
import { build, until } from '../../../helper.js'
import { stalled } from '../../../service/http/stalled-client.js'

const json = { 'content-type': 'application/json' }
const MIB = 1024 * 1024

t.test('the arrived bytes of large bodies are limited, and small bodies pass', async (t) => {
  const { app, send } = await build(t)
  const url = await app.listen({ port: 0 })
  const post = (bytes: number) => fetch(`${url}/v1/decisions/batch`, { method: 'POST', headers: json, body: JSON.stringify({ pad: 'x'.repeat(bytes) }) })
  const announced = `content-length: ${4 * MIB}`
  const idle = await Promise.all(Array.from({ length: 66 }, () => stalled(t, url, '/v1/decisions/batch', announced)))
  t.equal((await post(2_000_000)).status, 400, 'an announced length takes no room')
  const fill = (socket: Socket) => socket.write('x'.repeat(4 * MIB - 1024))
  for (const socket of idle) fill(socket)
  await until('they are counted', async () => {
    if ((await post(2_000_000)).status === 503) return true
    // Bodies that arrive at the same time can all be refused at the limit: send another one instead.
    idle.push(await stalled(t, url, '/v1/decisions/batch', announced))
    fill(idle.at(-1)!)
    return false
  })
  t.equal((await post(1000)).status, 400, 'a small body is read')
  t.equal((await send('POST', '/v1/outcomes', losslessOutcome('a'))).status, 202)
  for (const socket of idle) socket.destroy()
  await until('those that were cut off are not counted any more', async () => (await post(2_000_000)).status === 400)
})

t.test('bodies of a closed connection are released, also those that wait behind an unfinished reply', async (t) => {
  const { app } = await build(t)
  const url = await app.listen({ port: 0 })
  const post = (bytes: number) => fetch(`${url}/v1/decisions/batch`, { method: 'POST', headers: json, body: JSON.stringify({ pad: 'x'.repeat(bytes) }) })
  const body = `{"pad":"${'x'.repeat(4 * MIB - 100)}"}`
  const large = `POST /v1/decisions/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const tag = (await fetch(`${url}/v1/bundle`)).headers.get('etag')
  const waiting = `GET /v1/bundle?wait=60 HTTP/1.1\r\nhost: localhost\r\nif-none-match: ${tag}\r\n\r\n`
  const sockets: Socket[] = []
  const open = () => {
    sockets.push(connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {}))
    sockets.at(-1)!.write(waiting + large.repeat(20))
  }
  for (let i = 0; i < 4; i++) open()
  await until('they are counted', async () => {
    if ((await post(2_000_000)).status === 503) return true
    open() // bodies that arrive at the same time can all be refused at the limit
    return false
  })
  for (const socket of sockets) socket.destroy()
  await until('they are not counted any more', async () => (await post(2_000_000)).status === 400)
})

t.test('connections of clients that never read are closed and use little memory', async (t) => {
  const { app, metrics } = await build(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as { port: number }
  t.equal(app.server.timeout, 90_000)
  t.equal(app.server.keepAliveTimeout, 0, 'idle connections have no timeout of their own')
  app.server.timeout = 500
  // The replies have 20 MB, since the buffers of the system may hold 4 MB, and the connection would then be idle.
  const requests = 'GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(12)
  let [connections, replies] = [0, 0]
  app.server.on('connection', () => { connections++ }).on('request', () => { replies++ })
  const idle = connect(port, '127.0.0.1').on('error', () => {})
  idle.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await once(idle, 'data')
  const sockets = Array.from({ length: 20 }, () => {
    const socket = connect(port, '127.0.0.1').pause()
    socket.on('error', () => {})
    socket.write(requests)
    return socket
  })
  const open = promisify(app.server.getConnections.bind(app.server))
  await until('all ask', () => connections === sockets.length + 1 && replies >= sockets.length + 1)
  await until('they are cut off', async () => await open() === 0)
  t.match(await metrics.render(), 'stopgate_connections_cut_total{cause="unread"} 20\n', 'the idle connection was not closed')
  for (const socket of sockets) socket.destroy()
})
