import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { cli, type ServiceProcess } from '../../service-process.js'
import { burst, certified, contextAt, isExact, QUICK, startQuick, underWay, wasCertified, workersOf } from './enrolled-workers.js'

t.test('generations run on while their service is killed, and then moved to another store, where evidence begins again', { skip: withoutRedis }, async (t) => {
  const folder = await temporaryFolder(t)
  const redis = await startRedis(t, DURABLE)
  const env = { DATA_DIR: folder }
  let service = startQuick(t, env)
  const all: ServiceProcess[] = [service]
  await service.url()
  const workers = workersOf({ task: 'moved', askAt: () => [service] })
  const command = async (args: string[], more: NodeJS.ProcessEnv) => {
    const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], { env: { ...QUICK, ...more } })
    return stdout
  }
  const move = async (signal: 'SIGKILL' | 'SIGTERM', start: () => Promise<ServiceProcess>) => {
    const running = burst(workers)
    await underWay(workers)
    service.child.kill(signal)
    await service.exited
    all.unshift(service = await start())
    await running
  }
  await move('SIGKILL', async () => startQuick(t, env))
  await certified(t, all, workers[0])
  for (const one of workers) await isExact(t, all, one, { mayLoseLists: true })
  await move('SIGTERM', async () => {
    const file = join(folder, 'state.jsonl')
    await writeFile(file, await command(['export'], { DATA_DIR: folder }))
    await command(['import', file], { REDIS_URL: redis.url })
    return startQuick(t, { REDIS_URL: redis.url })
  })
  await certified(t, [service], workers[0])
  for (const one of workers) {
    const context = await until(`all of ${one.key} is accounted for`, async () => {
      const last = await contextAt(service, one)
      const { enrolled, accounted, missing } = last.follow_up
      return enrolled === accounted + missing && last
    })
    const { enrolled } = context.follow_up
    t.match(context, { epoch: 2, follow_up: { open: 0 }, generations: { control: enrolled } })
    t.equal(wasCertified([service], one), !one.isLossy)
  }
})
