import t, { type Test } from 'tap'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { KEY, losslessOutcome, report } from '../../certify.js'
import { temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { startProcess, type ServiceProcess } from '../../service-process.js'
import { admin } from '../../faults/redis-fleet.js'
import { shiftedClock } from './shifted-clock.js'
import { treatedOutcome } from '../../faults/treated-outcome.js'
import { QUICK_TIMES, quickPolicy, SHUFFLED } from '../../quick-policy.js'

t.jobs = 2
const HOUR_MS = 3_600_000
const DEFAULT_POLICY = quickPolicy(SHUFFLED)

const context = async (service: ServiceProcess) => (await service.get(`/v1/contexts/${encodeURIComponent(KEY)}`)).body
const stops = async (service: ServiceProcess) =>
  (await service.post('/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.99, context: { model: 'q', task: 'gsm8k' } })).body

async function certified (service: ServiceProcess): Promise<void> {
  await until('the store is reached', async () => (await service.get('/readyz')).status === 200)
  await report(service.post, Array.from({ length: 300 }, (_, i) => losslessOutcome(`g${i}`)))
  await until('the context is certified', async () => (await stops(service)).decision === 'stop' && (await context(service)).generations?.control === 300)
}

/** After a change of the clock, the service accepts outcomes, counts each once and decides as before. */
async function goesOn (t: Test, service: ServiceProcess, count: number, what: string): Promise<void> {
  // A service that has just started on a busy machine may refuse an outcome as overloaded.
  const send = (id: string) => until(`${id} is acknowledged`, async () => {
    const { status, body } = await service.post('/v1/outcomes', treatedOutcome(id))
    return status === 202 && body
  })
  t.match(await send(`then-${count}`), { accepted: 1 }, what)
  t.match(await send(`then-${count}`), { duplicates: 1 }, 'an outcome reported before is a duplicate')
  await until(`the outcome is learned once: ${what}`, async () => (await context(service)).generations?.treated === count)
  await until('the model is fresh', async () => (await stops(service)).stale === false)
  t.match(await stops(service), { decision: 'stop' })
  t.same((await service.get('/readyz')).body.warnings, [])
}

t.test('the service carries on when its clock is set forward or back', { buffered: true }, async (t) => {
  const clock = await shiftedClock(t)
  const env = { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY, POLL_SECONDS: '0.2', ...clock.env }
  const service = startProcess(t, env, { times: QUICK_TIMES })
  await certified(service)
  let count = 0
  for (const hours of [1, 0, -25]) {
    clock.set(hours * HOUR_MS)
    await goesOn(t, service, ++count, `the clock is ${hours} hours ahead`)
  }
  t.equal((await service.put('/v1/contexts/model=other/pin', { threshold: 0.5, reason: 'expires soon', expires_in_seconds: 1 })).status, 200)
  await until('the pin expires', async () => (await service.get('/v1/audit')).body.commands[0].pin === null)
  service.child.kill('SIGKILL')
  await service.exited
  clock.set(-HOUR_MS)
  const again = startProcess(t, env, { times: QUICK_TIMES })
  await goesOn(t, again, ++count, 'the service was restarted with its clock an hour behind')
})

t.test('the service carries on when the clock of Redis is set back, with ids and a dead learner\'s lease in the future', { skip: withoutRedis, buffered: true }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const clock = await shiftedClock(t)
  const env = { REDIS_URL: redis.url, DEFAULT_POLICY, POLL_SECONDS: '0.2', LEASE_SECONDS: '0.6' }
  const service = startProcess(t, env, { times: QUICK_TIMES })
  await certified(service)
  const operator = admin(t, redis)
  service.child.kill('SIGKILL')
  await service.exited
  await operator.call('XSETID', KEYS.log, `${Date.now() + HOUR_MS}-0`)
  await operator.set(KEYS.lease, '7 dead', 'PX', HOUR_MS)
  clock.set(-HOUR_MS)
  const next = startProcess(t, { ...env, ...clock.env }, { times: QUICK_TIMES }) // its own clock differs from that of Redis
  await until('the service learns', async () => (await next.get('/readyz')).body.learner.leader)
  await goesOn(t, next, 1, 'Redis is two hours ahead of the service')
})

t.test('outcomes that are reported again after a jump beyond the dedup time are no evidence the second time', { buffered: true }, async (t) => {
  const clock = await shiftedClock(t)
  const env = { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY, POLL_SECONDS: '0.2', DEDUP_SECONDS: '3600', ...clock.env }
  const service = startProcess(t, env, { times: QUICK_TIMES })
  await certified(service)
  const before = await until('all are accounted for', async () => {
    const { body } = await service.get(`/v1/contexts/${encodeURIComponent(KEY)}`)
    return body.follow_up.accounted === 300 && body
  })
  clock.set(2 * HOUR_MS)
  const outcomes = Array.from({ length: 300 }, (_, i) => ({ ...losslessOutcome(`g${i}`), em: 0 }))
  t.match((await service.post('/v1/outcomes/batch', { outcomes })).body, { accepted: 300 }, 'the store has forgotten their ids')
  t.match((await service.post('/v1/outcomes', treatedOutcome('last'))).body, { accepted: 1 })
  await until('they are learned', async () => (await context(service)).generations?.treated === 1)
  const after = await context(service)
  t.equal(after.follow_up.accounted, 300)
  t.same([after.threshold, after.guarantee.units, after.em], [before.threshold, before.guarantee.units, before.em])
})
