import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { onClosed } from '../../src/proxy/on-closed.js'
import { until } from '../helper.js'

t.test('each request of a connection is told once when it is over, also one whose turn never came', async (t) => {
  const closed: string[] = []
  let hasLast = false
  const server = createServer((request, response) => {
    onClosed(request, response, () => { closed.push(request.url!) })
    if (request.url === '/0') response.end()
    if (request.url === '/20') hasLast = true
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const paths = Array.from({ length: 21 }, (_, i) => `/${i}`)
  client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(''))
  await until('the first is answered, and the last has come', async () => closed.length === 1 && hasLast)
  client.destroy()
  await until('the others are told', async () => closed.length >= paths.length)
  t.same(closed.toSorted(), paths.toSorted())
})
