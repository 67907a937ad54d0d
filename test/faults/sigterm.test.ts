import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { createStore } from '../../src/store/open/create-store.js'
import { losslessOutcome } from '../certify.js'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { temporaryFolder, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { startProcess, type ServiceProcess } from '../service-process.js'

const WORKERS = 32

type Fate = { readonly status: number, readonly isLast: boolean } | { readonly code: string }

/** Posts an outcome over a keep-alive connection. Resolves with the status and whether the connection closes, or with the error code. */
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

interface Ending {
  readonly env: NodeJS.ProcessEnv
  /** Options that open the store after the service has ended. */
  readonly open: Parameters<typeof createStore>[0]
  readonly end?: (service: ServiceProcess) => unknown
  readonly processes?: number
}

async function endUnderLoad (t: Test, { env, open, end = ({ child }) => child.kill('SIGTERM'), processes = 1 }: Ending): Promise<void> {
  const service = startProcess(t, { ...env, PROCESSES: String(processes), DEFAULT_POLICY: '{"follow_up_seconds":0}' }, { detached: true })
  if (processes > 1) await until('all processes are listening', () => service.log.find(({ msg }) => msg === 'all processes are listening'))
  const url = await service.url()
  const acknowledged: string[] = []
  const fates = new Map<string, number>()
  const workers = Array.from({ length: WORKERS }, async (_, worker) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0, isLast = false; !isLast; i++) { // like a worker that moves on to another replica
      const id = `g${worker}-${i}`
      const fate = await post(agent, url, losslessOutcome(id))
      const name = 'status' in fate ? String(fate.status) : fate.code
      fates.set(name, (fates.get(name) ?? 0) + 1)
      if (name === '202') acknowledged.push(id)
      isLast = 'code' in fate || fate.isLast
    }
    agent.destroy()
  })
  await until('many outcomes are acknowledged', () => acknowledged.length > 20 * WORKERS)
  await end(service)
  await Promise.all(workers)
  t.same(await service.exited, { code: 0, signal: null })
  t.equal(service.log.filter(({ msg }) => msg === 'closed').length, processes, 'each process closed in order')
  t.comment(JSON.stringify([...fates]))
  t.same([...fates.keys()].filter((fate) => !['202', '503'].includes(fate)), [], 'every request was answered, no connection was cut off')

  const store = await createStore(open)
  t.teardown(() => store.close())
  const again = await store.append(acknowledged.map((id) => gradeOutcome('salt', losslessOutcome(id) as ReportedOutcome)))
  t.same(again.filter((one) => one !== 'duplicate').length, 0, `all ${acknowledged.length} acknowledged outcomes are in the store`)
}

t.test('SIGTERM under load loses no acknowledged outcome of the embedded store', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  await endUnderLoad(t, { env: { DATA_DIR }, open: { dataDir: DATA_DIR } })
})

t.test('SIGTERM under load loses no acknowledged outcome of Redis', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await endUnderLoad(t, { env: { REDIS_URL: redis.url }, open: { redisUrl: redis.url, dataDir: '' } })
})

t.test('SIGTERM to each of several processes, as systemd sends it, loses no acknowledged outcome', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const end = async ({ child, log }: ServiceProcess) => {
    process.kill(-child.pid!, 'SIGTERM')
    const closing = () => log.filter(({ msg }) => msg === 'closing')
    await until('both processes are closing', () => closing().length === 2)
    for (const { pid } of closing()) process.kill(pid as number, 'SIGTERM') // the primary process passes the signal on, which takes longer on a busy machine
  }
  await endUnderLoad(t, { env: { REDIS_URL: redis.url }, open: { redisUrl: redis.url, dataDir: '' }, end, processes: 2 })
})

t.test('Ctrl-C under load, which npm sends a second time, loses no acknowledged outcome', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const end = async ({ child, log }: ServiceProcess) => {
    process.kill(-child.pid!, 'SIGINT')
    await until('the service is closing', () => log.find(({ msg }) => msg === 'closing'))
    child.kill('SIGINT')
  }
  await endUnderLoad(t, { env: { DATA_DIR }, open: { dataDir: DATA_DIR }, end })
})

t.test('SIGTERM to npm start ends the service', async (t) => {
  const npm = spawn('npm', ['start'], { env: { ...process.env, PORT: '0', DATA_DIR: await temporaryFolder(t) }, stdio: ['ignore', 'pipe', 'inherit'] })
  const log: any[] = []
  createInterface(npm.stdout).on('line', (line) => { if (line.startsWith('{')) log.push(JSON.parse(line)) })
  const { pid } = await until('the service serves', () => log.find(({ msg }) => msg === 'stopgate is listening'))
  t.teardown(() => { try { process.kill(pid, 'SIGKILL') } catch { /* it has already ended */ } })
  npm.kill()
  await until('the service has closed', () => log.some(({ msg }) => msg === 'closed'))
  await until('the process is gone', () => { try { return !process.kill(pid, 0) } catch { return true } })
  t.ok(log.some(({ signal }) => signal === 'SIGTERM'))
})
