import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { certify, CONTEXT, KEY, losslessOutcome, reportTo } from '../../certify.js'
import { withoutPrometheus } from '../docker/promtool.js'
import { build } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { CHAT, startUnderTest } from '../../proxy/proxy-under-test.js'
import { ALL_CONTROL } from '../../quick-policy.js'
import { watchEvery } from './made-up-time.js'
import { admin } from '../../faults/redis-fleet.js'

/** A full run that is right, and would not have been if it had been stopped at 32 tokens. */
function lossyOutcome (id: string) {
  return { ...losslessOutcome(id), steps: [{ tokens: 32, confidence: 0.95, em: 0 }, { tokens: 64, confidence: 0.99, em: 1 }] }
}

t.test('the rules that are shipped alert on faults of a real service, and fall silent when they are repaired', { skip: withoutPrometheus || withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await build(t, { REDIS_URL: redis.url, POLL_SECONDS: '0.1', ...ALL_CONTROL })
  const { send } = built
  const { host } = new URL(await built.app.listen({ host: '127.0.0.1', port: 0 }))
  const days = await watchEvery(t, 24 * 60, { targets: [host] })
  await days.silent()
  t.equal((await send('PUT', `/v1/contexts/${KEY}/pin`, { threshold: 0.9, reason: 'an incident' })).status, 200, 'it is pinned')
  await days.fires('PinForgotten')
  t.equal((await send('DELETE', `/v1/contexts/${KEY}/pin?reason=over`)).status, 204, 'it is no longer pinned')
  await days.ends('PinForgotten')

  const halfHours = await watchEvery(t, 30, { targets: [host] })
  await certify(built)
  let lossy = 0
  await halfHours.fires('Drift', () => reportTo(built, Array.from({ length: 20 }, () => lossyOutcome(`lossy-${lossy++}`))))
  await admin(t, redis).xadd(KEYS.log, '*', 'entry', '{')
  await halfHours.fires('Damage')
  await halfHours.ends('Damage')

  const minutes = await watchEvery(t, 1, { targets: [host] })
  await redis.stop()
  await minutes.fires(['StoreDown', 'SnapshotStale', 'Refusing'], () => send('POST', '/v1/outcomes', losslessOutcome('refused')))
  const stale = await minutes.said('SnapshotStale')
  t.match(stale, /severity="warning"/)
  t.match(stale, `instance="${host}"`)
  t.match(stale, new RegExp(`summary="The snapshot of the replica ${host} has been out of step with the store for \\d`))
  t.match(stale, /runbook_url="\S+#stopgatesnapshotstale"/)
  await redis.start()
  // The outage may have left out the newest units, which blocks certificates until there are enough others.
  let lossless = 0
  await minutes.silent(() => reportTo(built, Array.from({ length: 50 }, () => losslessOutcome(`afterwards-${lossless++}`))))

  const quarters = await watchEvery(t, 15, { targets: [host] })
  await quarters.fires('OutcomesSilent', () => send('POST', '/v1/decisions', { tokens: 32, confidence: 0.5, context: CONTEXT }))
  await built.app.close()
  await quarters.fires(['Down', 'ReplicaDown'])
})

/** Moves the clock by which this process measures durations, until the test ends. */
function jump (t: Test, ms: number) {
  const { now } = performance
  performance.now = () => now.call(performance) + ms
  t.teardown(() => { performance.now = now })
}

t.test('a proxy that passes requests through, or whose service is away', { skip: withoutPrometheus }, async (t) => {
  const { proxy, service, ask } = await startUnderTest(t, {}, { PROXY_MAX_REPORTS: '1' })
  const { pass, firing, fires, ends } = await watchEvery(t, 30, { proxies: [new URL(proxy.adminUrl).host] })
  const served = async () => { await (await ask(CHAT)).text() }
  await pass(26, served)
  t.notOk((await firing()).has('PassedThrough'), 'not while generations are served')
  const off = async () => { await (await ask(CHAT, { 'x-stopgate': 'off' })).text() }
  await fires('PassedThrough', off)
  await ends('PassedThrough', served)

  const { port } = service.app.server.address() as AddressInfo
  await service.app.close()
  await fires('ProxyReportsDropped', served)
  jump(t, 60_000)
  await fires('ProxyCircuitOpen', served)
  await (await build(t, ALL_CONTROL)).app.listen({ host: '127.0.0.1', port })
  await ends('ProxyCircuitOpen', served)
  await ends('ProxyReportsDropped', served)
})
