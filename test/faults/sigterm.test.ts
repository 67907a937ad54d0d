import { Agent, request } from 'node:http'
import t, { type Test } from 'tap'
import { createStore } from '../../src/store/create-store.js'
import { losslessOutcome } from '../certify.js'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/outcome.js'
import { temporaryFolder, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { startProcess } from '../service-process.js'

const WORKERS = 32

type Fate = { readonly status: number, readonly isLast: boolean } | { readonly code: string }

/** One outcome over a connection that is kept: its status and whether the connection ends, or what became of it. */
function post (agent: Agent, url: string, body: unknown): Promise<Fate> {
  return new Promise((resolve) => {
    const sending = request(`${url}/v1/outcomes`, { method: 'POST', agent, headers: { 'content-type': 'application/json' } })
    sending.on('response', (reply) => {
      reply.resume().on('end', () => { resolve({ status: reply.statusCode!, isLast: reply.headers.connection === 'close' }) })
    })
    sending.on('error', (error: NodeJS.ErrnoException) => { resolve({ code: String(error.code) }) })
    sending.end(JSON.stringify(body))
  })
}

/** @param open the store, once the service has ended */
async function endUnderLoad (t: Test, env: NodeJS.ProcessEnv, open: Parameters<typeof createStore>[0]): Promise<void> {
  const service = startProcess(t, { ...env, DEFAULT_POLICY: '{"settle_seconds":0}' })
  const url = await service.url()
  const acknowledged: string[] = []
  const fates = new Map<string, number>()
  const workers = Array.from({ length: WORKERS }, async (_, worker) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0, isLast = false; !isLast; i++) { // as one that has other replicas to go to
      const id = `g${worker}-${i}`
      const fate = await post(agent, url, losslessOutcome(id))
      const name = 'status' in fate ? String(fate.status) : fate.code
      fates.set(name, (fates.get(name) ?? 0) + 1)
      if (name === '202') acknowledged.push(id)
      isLast = 'code' in fate || fate.isLast
    }
    agent.destroy()
  })
  await until('much is under way', () => acknowledged.length > 20 * WORKERS, 20)
  service.child.kill('SIGTERM')
  await Promise.all(workers)
  t.same(await service.exited, { code: 0, signal: null })
  t.comment(JSON.stringify([...fates]))
  t.same([...fates.keys()].filter((fate) => !['202', '503'].includes(fate)), [], 'every request was answered, no connection was cut off')

  const store = await createStore(open)
  t.teardown(() => store.close())
  const again = await store.append(acknowledged.map((id) => gradeOutcome('salt', losslessOutcome(id) as ReportedOutcome)))
  t.same(again.filter((one) => one !== 'duplicate').length, 0, `each of ${acknowledged.length} acknowledged is there`)
}

t.test('SIGTERM under load, embedded', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  await endUnderLoad(t, { DATA_DIR }, { dataDir: DATA_DIR })
})

t.test('SIGTERM under load, Redis', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await endUnderLoad(t, { REDIS_URL: redis.url }, { redisUrl: redis.url, dataDir: '' })
})
