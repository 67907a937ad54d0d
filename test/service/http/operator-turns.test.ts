import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { build, until } from '../../helper.js'

const READ = 'GET /v1/contexts HTTP/1.1\r\nhost: localhost\r\n\r\n'
const PUT = 'PUT /v1/contexts/model=m/policy HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{'

async function listening (t: Test) {
  const { app } = await build(t)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  /** Sends a text on each of many connections. @returns the connections, and the status lines of all replies so far */
  const open = async (connections: number, text: string): Promise<{ sockets: Socket[], statuses: string[] }> => {
    const statuses: string[] = []
    const sockets = Array.from({ length: connections }, () => connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
      .on('data', (data) => { statuses.push(...data.toString('latin1').match(/(?<=HTTP\/1.1 )\d+/g) ?? []) }))
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => { socket.write(text, () => { resolve() }) })))
    t.teardown(() => { for (const socket of sockets) socket.destroy() })
    return { sockets, statuses }
  }
  return { app, url, open }
}

t.test('of many requests of an operator at once, each is served in its turn or told to come again', async (t) => {
  const { url, open } = await listening(t)
  const { statuses } = await open(60, READ.repeat(30))
  await until('all are answered', () => statuses.length === 1800)
  t.same([...new Set(statuses)].sort(), ['200', '503'])
  t.equal((await fetch(`${url}/v1/contexts`)).status, 200, 'all turns have ended')
})

t.test('pausing waits for no other request', async (t) => {
  const { url, open } = await listening(t)
  const { statuses } = await open(10, READ.repeat(25))
  const headers = { 'content-type': 'application/json' }
  const { status } = await fetch(`${url}/v1/pause`, { method: 'PUT', headers, body: JSON.stringify({ reason: 'test' }) })
  t.equal(status, 200)
  t.ok(statuses.length < 250, 'others still wait')
  await until('they are served', () => statuses.length === 250)
  t.same([...new Set(statuses)], ['200'])
})

t.test('clients that leave before or amid their turn hold none', async (t) => {
  const { app, url, open } = await listening(t)
  for (let i = 0; i < 20; i++) {
    const { sockets } = await open(2, i % 2 === 0 ? PUT : READ.repeat(20))
    for (const socket of sockets) socket.destroy()
  }
  await until('their connections are gone', () => new Promise<boolean>((resolve) => { app.server.getConnections((_, count) => { resolve(count === 0) }) }))
  const statuses = await Promise.all(Array.from({ length: 8 }, async () => (await fetch(`${url}/v1/contexts`)).status))
  t.same(statuses, Array.from({ length: 8 }, () => 200))
})
