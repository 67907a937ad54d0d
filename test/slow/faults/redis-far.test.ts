import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { certify, CONTEXT, KEY } from '../../certify.js'
import { build, until, type Built } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { startProxy } from '../../faults/proxy.js'
import { treatedGenerations, treatedOutcome } from '../../faults/treated-outcome.js'

const skip = withoutRedis
const treated = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }

async function certified (t: Test, env: NodeJS.ProcessEnv = {}) {
  const redis = await startRedis(t, DURABLE)
  const proxy = await startProxy(t, redis.port)
  const built = await build(t, { REDIS_URL: proxy.url, POLL_SECONDS: '0.2', LEASE_SECONDS: '1', ...env })
  await until('Redis is reached', async () => (await built.send('GET', '/readyz')).status === 200)
  const [first] = await certify(built)
  return { redis, proxy, built, first: first! }
}

const learned = ({ send }: Built, key = KEY) => treatedGenerations((path) => send('GET', path), key)
const isTaken = (built: Built, id: string, context = CONTEXT) => until(`${id} is taken`, async () => {
  const { status, body } = await built.send('POST', '/v1/outcomes', treatedOutcome(id, context))
  return status === 202 && body
})

t.test('a slow Redis slows outcomes and not decisions', { skip }, async (t) => {
  const { proxy, built } = await certified(t, { REDIS_TIMEOUT_MS: '60000' })
  proxy.part() // Redis answers when the decision is made
  const order: string[] = []
  const reporting = built.send('POST', '/v1/outcomes', treatedOutcome('slow')).then((reply) => { order.push('outcome'); return reply })
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  order.push('decision')
  proxy.heal()
  t.match(await reporting, { status: 202 })
  t.same(order, ['decision', 'outcome'])
  await until('it is learned', async () => await learned(built) === 1)
})

t.test('when a connection is cut during a reply, the outcome gets 503 and counts once when sent again', { skip }, async (t) => {
  const { redis, proxy, built } = await certified(t)
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })
  proxy.cutAfterBytes = 1
  t.match(await built.send('POST', '/v1/outcomes', treatedOutcome('cut')), { status: 503 })
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  await until('Redis had it', () => admin.exists('{stopgate}:seen:cut'))
  proxy.cutAfterBytes = null
  t.same(await isTaken(built, 'cut'), { accepted: 0, duplicates: 1, label_wanted: false })
  await isTaken(built, 'after it', { model: 'q', task: 'math' })
  await until('the next one is learned', async () => await learned(built, 'model=q,task=math') === 1)
  t.equal(await learned(built), 1)
})

t.test('writes that a failover lost count when they are sent again', { skip }, async (t) => {
  const { redis, proxy, built, first } = await certified(t)
  const replica = await startRedis(t, DURABLE)
  const admin = new Redis(replica.url)
  t.teardown(() => { admin.disconnect() })
  await admin.replicaof('127.0.0.1', String(redis.port))
  await until('it has all', async () => /master_link_status:up/.test(await admin.info('replication')))
  await admin.replicaof('NO', 'ONE')
  t.same(await isTaken(built, 'late'), { accepted: 1, duplicates: 0, label_wanted: false })
  await until('it is learned', async () => await learned(built) === 1)

  await redis.stop('SIGKILL')
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  proxy.leadTo(replica.port)
  t.same(await isTaken(built, first), { accepted: 0, duplicates: 1, label_wanted: false }, 'an outcome that had reached the replica is a duplicate')
  t.same(await isTaken(built, 'late'), { accepted: 1, duplicates: 0, label_wanted: false }, 'an outcome that had not is accepted')
  await until('it is learned, once', async () => await learned(built) === 1)
})
