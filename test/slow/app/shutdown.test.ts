import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder, until } from '../../helper.js'
import { startProcess } from '../../service-process.js'

/** Whether nobody accepts a connection. It sends no request, for which the service would wait. */
async function isRefused (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const isAccepted = await once(socket, 'connect').then(() => true, () => false)
  socket.destroy()
  return !isAccepted
}

t.test('a stalled client does not prevent an orderly shutdown', async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), SHUTDOWN_SECONDS: '12' })
  const stalled = request(`${await service.url()}/v1/outcomes`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': 8e6 } })
  stalled.on('error', () => {}).write('{"gen')
  await until('it is connected', () => stalled.socket?.connecting === false)
  service.child.kill('SIGTERM')
  t.same(await service.exited, { code: 0, signal: null })
  t.ok(service.log.some(({ msg }) => msg === 'closed'))
})

t.test('a connection whose last request ends late does not prevent the shutdown', async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), SHUTDOWN_SECONDS: '60' })
  const { port } = new URL(await service.url())
  const client = connect(Number(port), '127.0.0.1').setEncoding('utf8').on('error', () => {})
  t.teardown(() => { client.destroy() })
  const body = '{"tokens":1,"confidence":1}'
  client.write(`POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`)
  await until('it is being read', async () => (await service.get('/livez')).status === 200)
  service.child.kill('SIGTERM')
  await until('no new connection is accepted', () => isRefused(Number(port)))
  client.write(body.slice(5))
  t.match((await once(client, 'data'))[0], /^HTTP\/1.1 200/)
  await until('it has closed', () => service.log.some(({ msg }) => msg === 'closed'))
  t.same(await service.exited, { code: 0, signal: null })
})

t.test('SIGTERM during the start ends the service', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const service = startProcess(t, { DATA_DIR })
  await until('it opens its folder', () => existsSync(join(DATA_DIR, 'in-use.sock')))
  service.child.kill('SIGTERM')
  t.same(await service.exited, { code: 0, signal: null })
})
