import t, { type Test } from 'tap'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { sleep } from '../../clock.js'
import { until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import type { ServiceProcess } from '../../service-process.js'
import { burst, certified, contextAt, isExact, startQuick, underWay, wasCertified, workersOf, type Workers } from './enrolled-workers.js'
import { startProxy } from '../../faults/proxy.js'
import { admin } from '../../faults/redis-fleet.js'

/** Somewhat longer than the follow-up, and than the age from which a list is void, on the clocks of the replicas and of Redis, ms. */
const FOLLOW_UP_MS = 4500
const VOID_MS = 2500

t.test('whatever happens to the replicas and the log, nothing is certified falsely and each generation counts once', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const operator = admin(t, redis)
  const proxy = await startProxy(t, redis.port)
  const near = startQuick(t, { REDIS_URL: redis.url })
  await until('a replica learns', async () => (await near.get('/readyz')).body.learner.leader)
  const startFar = () => startQuick(t, { REDIS_URL: proxy.url })
  let far = startFar()
  await far.url()
  const all: ServiceProcess[] = [near, far]

  const alternately = (i: number) => i % 4 < 2 ? [near, far] : [far, near]
  const isRight = async (t: Test, workers: readonly Workers[], options: Parameters<typeof isExact>[3] = {}) => {
    await certified(t, all, workers[0]!)
    return Promise.all(workers.map((one) => isExact(t, all, one, options)))
  }

  await t.test('the lists of one replica come late, and short generations are reported before they were enrolled', async (t) => {
    const workers = workersOf({ task: 'late', askAt: alternately, reportAt: () => [near] })
    proxy.lateMs = 300
    await burst(workers)
    await burst(workers)
    proxy.lateMs = 0
    await isRight(t, workers)
  })

  await t.test('first steps and outcomes are sent twice', async (t) => {
    const workers = workersOf({ task: 'doubled', askAt: alternately, reportAt: (i) => i % 3 === 0 ? [far] : [near], isDoubled: (i) => i % 2 === 0 })
    await burst(workers)
    await isRight(t, workers)
  })

  await t.test('a replica is cut off for longer than the follow-up', async (t) => {
    const workers = workersOf({ task: 'cut-off', askAt: alternately, reportAt: () => [near] })
    await burst(workers)
    proxy.part()
    await burst(workers)
    await sleep(FOLLOW_UP_MS)
    proxy.heal()
    await isRight(t, workers)
  })

  await t.test('the log is out for longer than a list may be old', async (t) => {
    const workers = workersOf({ task: 'outage', askAt: alternately })
    await burst(workers)
    const running = burst(workers)
    await underWay(workers)
    redis.pause()
    const more = burst(workers)
    await sleep(VOID_MS)
    redis.resume()
    await Promise.all([running, more])
    await isRight(t, workers)
  })

  await t.test('no replica learns for longer than the follow-up', async (t) => {
    const workers = workersOf({ task: 'unlearned', askAt: alternately, isSilent: (i) => i % 40 === 7 })
    const running = burst(workers)
    await underWay(workers)
    await operator.set(KEYS.lease, '1000000 dead', 'PX', FOLLOW_UP_MS)
    await running
    await burst(workers)
    await sleep(FOLLOW_UP_MS)
    for (const { counts: { missing, void: voided } } of await isRight(t, workers)) {
      t.ok(missing >= 2 || voided > 0, 'generations that never report are missing, unless a busy machine made the list too old')
    }
  })

  await t.test('a replica is restarted again and again', async (t) => {
    const workers = workersOf({ task: 'restarted', askAt: alternately, reportAt: () => [near] })
    for (let restart = 0; restart < 2; restart++) {
      const running = burst(workers, 20)
      await underWay(workers, 20)
      far.child.kill('SIGTERM')
      await far.exited
      await running
      all.push(far = startFar())
      await far.url()
    }
    await isRight(t, workers, { mayLoseLists: true }) // a replica that ends gives up its last list after a while
  })

  await t.test('a replica is killed, and with it its workers', async (t) => {
    const isKilled = (i: number) => i >= 80 && i < 120 && i % 4 >= 2
    const workers = workersOf({ task: 'killed', askAt: alternately, reportAt: () => [near], isSilent: isKilled })
    await burst(workers, 80)
    await certified(t, all, workers[0]!)
    const running = burst(workers)
    await underWay(workers)
    far.child.kill('SIGKILL')
    await running
    await isRight(t, workers, { mayLoseLists: true })
    if (wasCertified(all, workers[0]!)) t.match(await contextAt(near, workers[0]!), { status: 'certified' }, 'killed generations do not withdraw the certificate')
  })
})
