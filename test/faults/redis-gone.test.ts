import t from 'tap'
import { certify, CONTEXT, losslessOutcome } from '../certify.js'
import { build, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'

const step = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }

t.test('Redis is killed: decisions go on, outcomes are refused at once, and it heals', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await build(t, { REDIS_URL: redis.url })
  await until('Redis is reached', async () => (await built.send('GET', '/readyz')).status === 200)
  await certify(built)

  await redis.stop('SIGKILL')
  t.match(await built.send('POST', '/v1/decisions', step), { status: 200, body: { decision: 'stop' } })
  t.match(await built.send('POST', '/v1/outcomes', losslessOutcome('refused')), { status: 503, headers: { 'retry-after': '1' }, body: { code: 'STORE_UNAVAILABLE' } })
  t.match(await built.send('GET', '/readyz'), { status: 200, body: { ready: true, store: { up: false }, warnings: [/can't be reached/] } })
  const { body: metrics } = await built.send('GET', '/metrics')
  t.match(metrics, 'stopgate_store_up 0\n')
  t.match(metrics, 'stopgate_outcomes_total{result="unavailable",arm="control"} 1\n')

  await redis.start()
  await until('outcomes are taken again', async () => (await built.send('POST', '/v1/outcomes', losslessOutcome('taken'))).status === 202)
  await until('it learns again', async () => (await built.send('GET', '/v1/contexts/*')).body.updated_at && built.learner.isLeader())
  t.match(await built.send('POST', '/v1/decisions', step), { body: { decision: 'stop', stale: false } }, 'what was learned is still there')
})

t.test('a service that starts before Redis says so, and connects when it can', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await redis.stop()
  const { send } = await build(t, { REDIS_URL: redis.url })
  t.match(await send('GET', '/readyz'), { status: 503, body: { ready: false, store: { kind: 'redis', up: false } } })
  t.match(await send('POST', '/v1/decisions', { ...step, arm: undefined, generation_id: 'g' }), { status: 200, body: { decision: 'continue', reason: 'stale_model', arm: 'treated', stale: true } })
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('early')), { status: 503 })
  await redis.start()
  await until('it is ready', async () => (await send('GET', '/readyz')).status === 200)
  await until('outcomes are taken', async () => (await send('POST', '/v1/outcomes', losslessOutcome('late'))).status === 202)
})

t.test('readyz warns of a Redis that may lose what it acknowledged', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, { appendonly: 'no' })
  const { send } = await build(t, { REDIS_URL: redis.url })
  await until('Redis is reached', async () => (await send('GET', '/readyz')).status === 200)
  const { body } = await send('GET', '/readyz')
  t.match(body.warnings.join('\n'), /appendonly yes/)
})
