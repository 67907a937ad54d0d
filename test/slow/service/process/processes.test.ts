import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { until } from '../../../helper.js'
import { startRedis, withoutRedis } from '../../../redis-server.js'
import { startProcess } from '../../../service-process.js'

t.test('two processes share a port and their metrics, a dead process is replaced, and SIGTERM ends both', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t)
  const service = startProcess(t, { REDIS_URL: redis.url, PROCESSES: '2' })
  await until('both processes serve', () => service.log.find(({ msg }) => msg === 'all processes are listening'))
  const url = await service.url()
  t.equal(new Set(service.log.filter(({ msg }) => msg === 'stopgate is listening').map(({ url }) => url)).size, 1, 'both listen on one port')

  const decide = () => fetch(`${url}/v1/decisions`, {
    method: 'POST', headers: { 'content-type': 'application/json', connection: 'close' }, body: '{"tokens":1,"confidence":1}',
  })
  for (let i = 0; i < 20; i++) await (await decide()).text()
  const scrape = async () => (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text()
  const countsAll = async () => /reason="no_threshold"} 20\n/.test(await scrape())
  // A scrape does not wait for a process that takes longer than a second to answer, so a busy machine may need several attempts.
  await until('four scrapes in a row, which both processes answer, count all decisions', async () => {
    for (let i = 0; i < 4; i++) if (!await countsAll()) return false
    return true
  })

  const pids = () => [...new Set(service.log.filter(({ msg }) => msg === 'stopgate is listening').map(({ pid }) => pid as number))]
  t.equal(pids().length, 2)
  process.kill(pids()[0]!, 'SIGSTOP') // it accepts no more connections
  const { port, hostname } = new URL(url)
  const closed: string[] = []
  for (let i = 0; i < 4; i++) {
    let reply = ''
    const socket = connect(Number(port), hostname).on('error', () => {})
    socket.on('data', (data) => { reply += data }).on('close', () => { closed.push(reply.slice(0, 12)) })
    socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  }
  await until('the other process has answered three requests', () => closed.length === 3)
  process.kill(pids()[0]!, 'SIGKILL')
  await until('the connection that was being passed to the killed process is closed', () => closed.length === 4)
  t.same(closed, [...Array(3).fill('HTTP/1.1 200'), ''])
  await until('the end of the process is logged', () => service.log.find(({ msg }) => msg === 'a process ended unexpectedly and is started again'))
  t.notOk(await countsAll(), 'the counts of a process end with it')
  const scraped: number[] = []
  await until('another process has taken its place', async () => {
    const { status } = await fetch(`${url}/metrics`, { headers: { connection: 'close' } })
    scraped.push(status)
    return pids().length === 3
  })
  t.same(scraped.filter((status) => status !== 200), [], `all ${scraped.length} scrapes meanwhile were answered`)
  t.equal((await decide()).status, 200)
  service.child.kill('SIGTERM')
  t.same(await service.exited, { code: 0, signal: null })
  t.equal(service.log.filter(({ msg }) => msg === 'closed').length, 2)
})

t.test('a process that cannot start ends all processes and says why', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t)
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const service = startProcess(t, { REDIS_URL: url, PROCESSES: '2', PORT: String(port) })
  t.same(await service.exited, { code: 2, signal: null })
  t.match(service.stderr(), /PORT \d+ is in use/)
})
