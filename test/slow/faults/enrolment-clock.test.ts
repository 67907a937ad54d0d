import t from 'tap'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { burst, certified, contextAt, isExact, startQuick, underWay, wasCertified, workersOf } from './enrolled-workers.js'
import { admin } from '../../faults/redis-fleet.js'
import { shiftedClock } from './shifted-clock.js'

const SECONDS = 1000
const MINUTES = 60_000

t.test('the clock of the log is set forward by minutes, and back by seconds and minutes', async (t) => {
  const clock = await shiftedClock(t)
  const service = startQuick(t, { DATA_DIR: await temporaryFolder(t), ...clock.env })
  await service.url()
  const workers = workersOf({ task: 'shifted', askAt: () => [service] })
  const running = burst(workers)
  await underWay(workers)
  clock.set(5 * MINUTES)
  await running
  const more = burst(workers)
  await underWay(workers)
  clock.set(5 * MINUTES - 2 * SECONDS)
  await more
  await certified(t, [service], workers[0])
  for (const one of workers) await isExact(t, [service], one)

  const late = workersOf({ task: 'behind', askAt: () => [service] })
  clock.set(0)
  await burst(late)
  for (const one of late) {
    await until('all outcomes are learned', async () => (await contextAt(service, one)).counts.reported === 40)
    t.notOk(wasCertified([service], one), 'while the clock of the log stands still, nothing is certified')
  }
  clock.set(5 * MINUTES)
  await certified(t, [service], late[0])
  for (const one of late) await isExact(t, [service], one)
})

t.test('the clocks of replicas and of Redis differ by seconds and by minutes', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const operator = admin(t, redis)
  const replicas = await Promise.all([5 * MINUTES, -3 * SECONDS].map(async (shift) => {
    const clock = await shiftedClock(t)
    clock.set(shift)
    return startQuick(t, { REDIS_URL: redis.url, ...clock.env })
  }))
  await Promise.all(replicas.map((replica) => replica.url()))
  const workers = workersOf({ task: 'shifted', askAt: (i) => i % 4 < 2 ? replicas : replicas.toReversed() })
  await burst(workers)
  await operator.call('XSETID', KEYS.log, `${Date.now() + 2 * SECONDS}-0`) // as after a failover to a server whose clock is behind
  await burst(workers)
  await certified(t, replicas, workers[0])
  for (const one of workers) await isExact(t, replicas, one)
})
