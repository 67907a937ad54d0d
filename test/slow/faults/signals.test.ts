import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t from 'tap'
import { endUnderLoad } from '../../faults/end-under-load.js'
import { temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import type { ServiceProcess } from '../../service-process.js'

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
