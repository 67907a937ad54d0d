import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { uniform } from '../../../src/core/decide/arm.js'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { certify, CONTEXT, enrol, KEY, losslessOutcome, reportTo } from '../../certify.js'
import { build, type Built, temporaryFolder, until } from '../../helper.js'
import { ALL_CONTROL, quickPolicy } from '../../quick-policy.js'
import { DURABLE, freePort, startRedis, withoutRedis } from '../../redis-server.js'
import { withoutPrometheus } from '../docker/promtool.js'
import { watchEvery } from './made-up-time.js'
import { RULES } from './real-prometheus.js'

/*
 * Causes alerts on a real service, does what docs/operate/alerts.md says, and sees them end, by the rules as they are shipped.
 * alerts.test.ts has StopgateStoreDown, SnapshotStale, Refusing, Down, ReplicaDown, OutcomesSilent, Damage, Drift, PinForgotten and those
 * of the proxy. How long each rule waits is tested with made-up series (rules-cases.yaml).
 */
const skip = withoutPrometheus || withoutRedis
const BASE = { POLL_SECONDS: '0.1' }
const ids = (count: number) => Array.from({ length: count }, () => `alert-${++counted}`)
let counted = 0

const rightRuns = (count: number) => ids(count).map((id) => losslessOutcome(id))
/** Full runs of which one in five would have been wrong at the first check. */
const lossyRuns = (count: number) => ids(count).map((id, i) => ({
  ...losslessOutcome(id), steps: [{ tokens: 32, confidence: 0.95, em: i % 5 ? 1 : 0 }, { tokens: 64, confidence: 0.99, em: 1 }],
}))
const servedWrongly = (count: number) => ids(count).map((generation_id) => ({
  generation_id, arm: 'treated', context: CONTEXT, tokens: 40, stopped: true, stopped_probe: { tokens: 32, em: 1 }, em: 0,
}))
const servedRightly = (count: number, context: Record<string, string> = CONTEXT) => ids(count).map((generation_id) => ({
  generation_id, arm: 'treated', context, tokens: 40, stopped: true, stopped_probe: { tokens: 32, em: 1 }, em: 1,
}))

const HOUR = 60
const DAY = 24 * HOUR

/** A service that is scraped each so many minutes of a made-up time. */
async function startWatched (t: Test, minutes: number, env: NodeJS.ProcessEnv = {}) {
  const built = await build(t, { ...BASE, ...ALL_CONTROL, ...env })
  const { host } = new URL(await built.app.listen({ host: '127.0.0.1', port: 0 }))
  return { built, ...await watchEvery(t, minutes, { targets: [host] }) }
}

const succeeds = async (reply: ReturnType<Built['send']>) => {
  const { status, body } = await reply
  if (status >= 300) throw new Error(JSON.stringify(body))
}

// They wait for the learner, Redis and promtool more than they compute.
t.jobs = 3

t.test('every alert is caused here, or in alerts.test.ts', async (t) => {
  const tests = await Promise.all(['alerts', 'alert-remedies'].map((name) => readFile(`test/slow/faults/${name}.test.ts`, 'utf8')))
  for (const [, name] of (await readFile(RULES, 'utf8')).matchAll(/- alert: Stopgate(\w+)/g)) {
    t.match(tests.join(''), new RegExp(`fires\\(\\[?('\\w+', )*'${name}'`), name!)
  }
})

t.test('a pause, and a context that is off', { skip, buffered: true }, async (t) => {
  const { built, fires, ends, firing } = await startWatched(t, DAY)
  const { send } = built
  await certify(built)
  await succeeds(send('PATCH', `/v1/contexts/${KEY}/policy`, { mode: 'off' }))
  await fires('ContextOff')
  await succeeds(send('PATCH', `/v1/contexts/${KEY}/policy`, { mode: 'enforce' }))
  await ends('ContextOff')
  await succeeds(send('PUT', '/v1/pause', { reason: 'incident 42' }))
  await fires('Paused')
  t.notOk((await firing()).has('ContextOff'), 'the pause says so already')
  await succeeds(send('DELETE', '/v1/pause?reason=over'))
  await ends('Paused')
})

t.test('a breach, and one under a pin', { skip, buffered: true }, async (t) => {
  const { built, fires, ends, firing } = await startWatched(t, 5)
  const { send } = built
  await certify(built)
  await fires('Breach', () => reportTo(built, servedWrongly(20)))
  await succeeds(send('POST', `/v1/contexts/${KEY}/reset`, { reason: 'the workers are repaired' }))
  await ends('Breach')

  await succeeds(send('PUT', `/v1/contexts/${KEY}/pin`, { threshold: 0.9, reason: 'an incident' }))
  await fires('BreachUnderPin', () => reportTo(built, servedWrongly(20)))
  await succeeds(send('PUT', '/v1/pause', { reason: 'nothing may be lost meanwhile' }))
  await ends('BreachUnderPin')
  await succeeds(send('DELETE', '/v1/pause?reason=over'))
  await fires('BreachUnderPin', () => reportTo(built, servedWrongly(20)))
  await succeeds(send('DELETE', `/v1/contexts/${KEY}/pin?reason=breach`))
  await ends('BreachUnderPin')
  if ((await firing()).has('Breach')) await succeeds(send('POST', `/v1/contexts/${KEY}/reset`, { reason: 'the workers are repaired' }))
  await ends('Breach')
})

t.test('a bound that allows a large loss', { skip, buffered: true }, async (t) => {
  const policy = quickPolicy({ control_rate: 1, max_em_drop: 0.5 })
  const { built, fires, ends } = await startWatched(t, 1, { DEFAULT_POLICY: policy, MAX_EM_DROP_LIMIT: '0.5' })
  const { send } = built
  await fires('LargeLoss', () => reportTo(built, lossyRuns(50)))
  await succeeds(send('PUT', '/v1/pause', { reason: 'look at it first' }))
  await ends('LargeLoss')
  await succeeds(send('DELETE', '/v1/pause?reason=over'))
  await fires('LargeLoss')
  await succeeds(send('PATCH', `/v1/contexts/${KEY}/policy`, { max_em_drop: 0.02 }))
  await ends('LargeLoss')
})

t.test('workers that do not report', { skip, buffered: true }, async (t) => {
  const { built, fires, ends } = await startWatched(t, HOUR / 2)
  const { send } = built
  await fires('LowFollowUp', () => enrol(send.bind(null, 'POST'), rightRuns(20)))
  await fires('ContextWarned')
  await succeeds(send('POST', `/v1/contexts/${KEY}/reset`, { reason: 'the workers are repaired' }))
  await ends('LowFollowUp', () => reportTo(built, rightRuns(20)))
  await ends('ContextWarned', () => reportTo(built, rightRuns(20)))
})

t.test('workers that have fallen silent', { skip, buffered: true }, async (t) => {
  const policy = quickPolicy({ control_rate: 1, max_evidence_age_seconds: 86_400 })
  const { built, fires, ends, pass, firing } = await startWatched(t, 4 * HOUR, { DEFAULT_POLICY: policy })
  await certify(built)
  await pass(12)
  t.notOk((await firing()).has('EvidenceSilent'), 'not before half of the time has passed')
  await fires('EvidenceSilent')
  await ends('EvidenceSilent', () => reportTo(built, rightRuns(20)))
})

t.test('too many contexts', { skip, buffered: true }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const port = await freePort()
  const start = async (limit: string) => {
    const built = await build(t, { ...BASE, ...ALL_CONTROL, REDIS_URL: redis.url, MAX_CONTEXTS: limit })
    await built.app.listen({ host: '127.0.0.1', port })
    return built
  }
  const full = await start('3')
  const { fires, ends } = await watchEvery(t, 10, { targets: [`127.0.0.1:${port}`] })
  await certify(full)
  await fires('ContextsFull')
  await full.app.close()
  await start('100')
  await ends('ContextsFull')
})

t.test('a store that is lost, a learner that hangs, and replicas that differ', { skip, buffered: true }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const one = await build(t, { ...BASE, ...ALL_CONTROL, REDIS_URL: redis.url })
  const { host } = new URL(await one.app.listen({ host: '127.0.0.1', port: 0 }))
  const port = await freePort()
  const { fires, ends } = await watchEvery(t, 5, { targets: [host, `127.0.0.1:${port}`] })
  const startOther = async (env: NodeJS.ProcessEnv) => {
    const other = await build(t, { ...BASE, ...env })
    await other.app.listen({ host: '127.0.0.1', port })
    return other
  }
  await fires('ReplicaDown')
  const apart = await startOther({ ...ALL_CONTROL, DATA_DIR: await temporaryFolder(t) })
  await ends('ReplicaDown')
  await fires('SeveralLearners')
  await apart.app.close()
  const differing = await startOther({ REDIS_URL: redis.url, DEFAULT_POLICY: quickPolicy({ max_em_drop: 0.03 }) })
  await ends('SeveralLearners')
  await fires('ConfigurationDiffers')
  await differing.app.close()
  await startOther({ ...ALL_CONTROL, REDIS_URL: redis.url })
  await ends('ConfigurationDiffers')

  // A replica that hangs holds the lease.
  const hold = () => client.set(KEYS.lease, '999999 elsewhere', 'PX', 600_000)
  await hold()
  await fires('NoLearner', hold)
  await fires('LearnerBehind', async () => { await hold(); await succeeds(one.send('POST', '/v1/outcomes/batch', { outcomes: servedRightly(1000) })) })
  await client.del(KEYS.lease)
  await ends('NoLearner')
  await ends('LearnerBehind')

  await client.flushall()
  await fires('StoreLost')
  await succeeds(one.send('POST', '/v1/store-loss/acknowledgement', { reason: 'it was a test' }))
  await ends('StoreLost')
})

const OTHER = { model: 'q', task: 'other' }

/** A service with traffic in two contexts, two thirds of it in `OTHER`: whether the first falls silent, the service is still busy. */
async function startBusy (t: Test, minutes: number) {
  const watched = await startWatched(t, minutes, { DEFAULT_POLICY: quickPolicy({ control_rate: 0.5 }) })
  const { built } = watched
  await certify(built)
  const { salt } = built.snapshotHolder.snapshot()
  const controlRuns = (context: Record<string, string>) => rightRuns(20).filter(({ generation_id: id }) => uniform(salt!, id) < 0.5)
    .map((outcome) => ({ ...outcome, context }))
  const runsOf = (context: Record<string, string>) => [...controlRuns(context), ...servedRightly(60, context)]
  const report = async (outcomes: Parameters<typeof reportTo>[1]) => {
    await reportTo(built, outcomes)
    await until('the learner has read them', () => built.snapshotHolder.lag() === 0)
  }
  return {
    ...watched,
    all: () => report([CONTEXT, OTHER, OTHER].flatMap(runsOf)),
    onlyOther: () => report([OTHER, OTHER].flatMap(runsOf)),
    littleOther: () => report(runsOf(OTHER)),
  }
}

t.test('traffic that bypasses the service', { skip, buffered: true }, async (t) => {
  const { pass, firing, fires, ends, all, onlyOther } = await startBusy(t, HOUR / 2)
  await pass(26, all)
  t.notOk((await firing()).has('TrafficGone'), 'not while there is traffic')
  await fires('TrafficGone', onlyOther)
  await ends('TrafficGone', all)
})

t.test('savings that fall', { skip, buffered: true }, async (t) => {
  const { pass, firing, fires, ends, all, littleOther } = await startBusy(t, DAY / 2)
  await pass(9 * 24, all)
  t.notOk((await firing()).has('SavingsFell'), 'not while as much is saved as the week before')
  await fires('SavingsFell', littleOther)
  await ends('SavingsFell', all)
})
