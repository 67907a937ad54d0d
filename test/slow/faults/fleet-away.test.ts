import t, { type Test } from 'tap'
import { certify, CONTEXT, KEY } from '../../certify.js'
import { driveClock } from '../../clock.js'
import { build, type Built, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'

const step = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }
const QUICK = { POLL_SECONDS: '0.1' }

/** That the fleet says of the context what decisions do there. */
async function agrees (t: Test, { send }: Built, expected: { decision: string, reason: string, mode: string }): Promise<void> {
  const { body: { decision, reason, threshold } } = await send('POST', '/v1/decisions', step)
  t.match({ decision, reason }, { decision: expected.decision, reason: expected.reason })
  const { body: fleet } = await send('GET', '/v1/fleet')
  const { body: { contexts: [row] } } = await send('GET', `/v1/fleet/contexts?search=${encodeURIComponent(KEY)}`)
  const isStopping = reason === 'score_at_threshold' || reason === 'below_threshold'
  t.match(row, { key: KEY, mode: expected.mode, threshold: reason === 'stale_snapshot' ? null : threshold }, reason)
  const snapshot = { age_seconds: Number, version: Number }
  t.match(fleet, { contexts: 1, stopping: isStopping ? 1 : 0, by_mode: { [expected.mode]: 1 }, snapshot }, reason)
}

t.test('while the store is away, the fleet says what is decided: after a policy, a pin and a pause', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const env = { REDIS_URL: redis.url, ...QUICK }
  const [reader, other] = [await build(t, env), await build(t, { ...env, MAX_STALENESS_SECONDS: '600' })]
  await certify(reader)
  await until('it stops', async () => (await reader.send('POST', '/v1/decisions', step)).body.decision === 'stop')
  await agrees(t, reader, { decision: 'stop', reason: 'score_at_threshold', mode: 'enforce' })

  // A change that only decisions have seen when the store dies: nobody reads the fleet in between.
  await other.send('PATCH', `/v1/contexts/${KEY}/policy`, { mode: 'shadow', max_em_drop: 0.07 })
  const changed = (await other.send('GET', '/v1/snapshot')).body.version
  await until('the change is in force', async () => (await reader.send('GET', '/v1/snapshot')).body.version >= changed)
  await redis.stop('SIGKILL')
  await until('the store is away', async () => !reader.store.isUp() && !other.store.isUp())
  await agrees(t, reader, { decision: 'continue', reason: 'shadow', mode: 'shadow' })
  t.match((await reader.send('GET', '/v1/fleet')).body, { at: String, control_generations: Number }, 'other figures have their age')
  t.match((await reader.send('GET', '/v1/fleet/contexts?search=gsm8k')).body.contexts, [{ max_em_drop: 0.07, status: 'certified' }])

  await agrees(t, other, { decision: 'continue', reason: 'shadow', mode: 'shadow' })
  t.match((await other.send('GET', '/v1/fleet')).body, { at: null, by_status: { certified: 1 } }, 'a replica that nobody had asked before')
  t.match((await other.send('GET', '/v1/fleet/contexts?search=gsm8k')).body, { at: null, contexts: [{ control_generations: null, updated_at: null, em_drop: null }] })

  await reader.send('PUT', '/v1/pause', { reason: 'incident 42' })
  await agrees(t, reader, { decision: 'continue', reason: 'off', mode: 'off' })
  await reader.send('DELETE', '/v1/pause?reason=over')
  await agrees(t, reader, { decision: 'continue', reason: 'shadow', mode: 'shadow' })
  await driveClock(t).advance(700_000, 10_000)
  await until('the snapshot is too old', async () => (await other.send('POST', '/v1/decisions', step)).body.reason === 'stale_snapshot')
  await agrees(t, other, { decision: 'continue', reason: 'stale_snapshot', mode: 'shadow' })
})

t.test('a pin that was set just before the store died is in the fleet, and so is its end', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await build(t, { REDIS_URL: redis.url, ...QUICK })
  await certify(built)
  await built.send('GET', '/v1/fleet')
  await built.send('PUT', `/v1/contexts/${KEY}/pin`, { threshold: 0.995, reason: 'incident 42', expires_in_seconds: 600 })
  await redis.stop('SIGKILL')
  await until('the store is away', async () => !built.store.isUp())
  const rowOf = async () => (await built.send('GET', '/v1/fleet/contexts?search=gsm8k')).body.contexts[0]
  t.match(await rowOf(), { is_pinned: true, pinned_at: KEY, threshold: 0.995, em_drop: null, tokens_saved_ratio: null }, 'at whose threshold no figure is known')
  await agrees(t, built, { decision: 'continue', reason: 'below_threshold', mode: 'enforce' })
  await driveClock(t).advance(700_000, 10_000)
  await until('the pin expires', async () => (await rowOf()).is_pinned === false)
  await agrees(t, built, { decision: 'stop', reason: 'score_at_threshold', mode: 'enforce' })
})
