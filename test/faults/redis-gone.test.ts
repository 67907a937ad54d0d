import t from 'tap'
import { certify, CONTEXT } from '../certify.js'
import { build, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { treatedGenerations, treatedOutcome } from './treated-outcome.js'

const step = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }

/** The snapshot is stale after a second, and too old after three. */
const AGEING = { MAX_STALENESS_SECONDS: '3', POLL_SECONDS: '0.1' }

t.test('while Redis is dead, decisions continue and outcomes are refused at once; then the service recovers', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await build(t, { REDIS_URL: redis.url, ...AGEING })
  const decision = async () => (await built.send('POST', '/v1/decisions', step)).body
  await until('Redis is reached', async () => (await built.send('GET', '/readyz')).status === 200)
  await certify(built)

  await redis.stop('SIGKILL')
  t.match(await built.send('POST', '/v1/decisions', step), { status: 200, body: { decision: 'stop' } })
  t.match(await built.send('POST', '/v1/outcomes', treatedOutcome('refused')), { status: 503, headers: { 'retry-after': '1' }, body: { code: 'STORE_UNAVAILABLE' } })
  t.match(await built.send('GET', '/readyz'), { status: 200, body: { ready: true, store: { up: false }, warnings: [/cannot be reached/] } })
  const { body: metrics } = await built.send('GET', '/metrics')
  t.match(metrics, 'stopgate_store_up 0\n')
  t.match(metrics, 'stopgate_outcomes_total{result="unavailable",arm="treated"} 1\n')
  t.match(await until('it is stale', async () => { const one = await decision(); return one.stale && one }), { decision: 'stop' })
  t.match(await until('it is too old', async () => { const one = await decision(); return one.decision === 'continue' && one }), { reason: 'stale_snapshot', stale: true })

  await redis.start()
  await until('outcomes are taken again', async () => (await built.send('POST', '/v1/outcomes', treatedOutcome('taken'))).status === 202)
  await until('it learns again', async () => (await built.send('GET', '/v1/contexts/*')).body.updated_at && built.learner.isLeader())
  await until('what was learned is still there', async () => { const one = await decision(); return one.decision === 'stop' && !one.stale })
})

t.test('while Redis hangs, decisions continue and outcomes are refused in time, and each outcome counts once', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await build(t, { REDIS_URL: redis.url, ...AGEING })
  const decision = async () => (await built.send('POST', '/v1/decisions', step)).body
  await until('Redis is reached', async () => (await built.send('GET', '/readyz')).status === 200)
  await certify(built)
  const generations = () => treatedGenerations((path) => built.send('GET', path))

  redis.pause()
  const waiting = built.send('POST', '/v1/outcomes', treatedOutcome('hung'))
  t.match(await decision(), { decision: 'stop' }, 'decisions continue while an outcome waits')
  t.match(await waiting, { status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  await until('it is too old', async () => { const one = await decision(); return one.decision === 'continue' && one.reason === 'stale_snapshot' })

  redis.resume()
  await until('outcomes are taken again', async () => (await built.send('POST', '/v1/outcomes', treatedOutcome('hung'))).status === 202)
  await until('it counts, once', async () => await generations() === 1)
  await until('it stops again', async () => (await decision()).decision === 'stop')
  t.equal(await generations(), 1)
})

t.test('a service that starts before Redis reports it, and connects when it can', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await redis.stop()
  const { send } = await build(t, { REDIS_URL: redis.url })
  t.match(await send('GET', '/readyz'), { status: 503, body: { ready: false, store: { kind: 'redis', up: false } } })
  t.match(await send('POST', '/v1/decisions', { ...step, arm: undefined, generation_id: 'g' }), { status: 200, body: { decision: 'continue', reason: 'stale_snapshot', arm: 'treated', stale: true } })
  t.match(await send('POST', '/v1/outcomes', treatedOutcome('early')), { status: 503 })
  await redis.start()
  await until('it is ready', async () => (await send('GET', '/readyz')).status === 200)
  await until('outcomes are taken', async () => (await send('POST', '/v1/outcomes', treatedOutcome('late'))).status === 202)
})

t.test('readyz warns of a Redis that may lose acknowledged writes', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, { appendonly: 'no' })
  const { send } = await build(t, { REDIS_URL: redis.url })
  await until('Redis is reached', async () => (await send('GET', '/readyz')).status === 200)
  const { body } = await send('GET', '/readyz')
  t.match(body.warnings.join('\n'), /appendonly yes/)
})
