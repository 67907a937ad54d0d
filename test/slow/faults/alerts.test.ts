import t from 'tap'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { certify, CONTEXT, KEY, losslessOutcome, reportTo } from '../../certify.js'
import { withoutPrometheus } from '../docker/promtool.js'
import { build, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { ALL_CONTROL } from '../../quick-policy.js'
import { startPrometheus } from './real-prometheus.js'
import { admin } from '../../faults/redis-fleet.js'

/** A full run that is right, and would not have been if it had been stopped at 32 tokens. */
function lossyOutcome (id: string) {
  return { ...losslessOutcome(id), steps: [{ tokens: 32, confidence: 0.95, em: 0 }, { tokens: 64, confidence: 0.99, em: 1 }] }
}

t.test('a real Prometheus alerts on faults of a real service, and falls silent when they are repaired', { skip: withoutPrometheus || withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await build(t, { REDIS_URL: redis.url, POLL_SECONDS: '0.1', ...ALL_CONTROL })
  const { send } = built
  const url = new URL(await built.app.listen({ host: '127.0.0.1', port: 0 }))
  const prometheus = await startPrometheus(t, [url.host])
  const names = async () => new Set((await prometheus.firing()).map(({ labels }) => labels.alertname!.replace('Stopgate', '')))
  const fires = async (expected: string[], meanwhile: () => Promise<unknown> = async () => {}) => {
    await until(`${expected.join(', ')} fire`, async () => {
      await meanwhile()
      const firing = await names()
      return expected.every((name) => firing.has(name))
    })
    t.pass(`${expected.join(', ')} fire`)
  }
  const silent = async (meanwhile: () => Promise<unknown> = async () => {}) => {
    let firing = new Set<string>()
    await until('nothing fires', async () => {
      await meanwhile()
      firing = await names()
      return firing.size === 0
    }).catch((error) => {
      t.comment(`still firing: ${[...firing].join(', ')}`)
      throw error
    })
  }
  await silent()

  t.equal((await send('PUT', `/v1/contexts/${KEY}/pin`, { threshold: 0.9, reason: 'an incident' })).status, 200, 'it is pinned')
  await fires(['PinForgotten'])
  t.equal((await send('DELETE', `/v1/contexts/${KEY}/pin?reason=over`)).status, 204, 'it is no longer pinned')

  await certify(built)
  let lossy = 0
  await fires(['Drift'], () => reportTo(built, Array.from({ length: 20 }, () => lossyOutcome(`lossy-${lossy++}`))))
  await admin(t, redis).xadd(KEYS.log, '*', 'entry', '{')
  await fires(['Damage'])

  await redis.stop()
  await fires(['StoreDown', 'SnapshotStale', 'Refusing'], () => send('POST', '/v1/outcomes', losslessOutcome('refused')))
  const stale = (await prometheus.firing()).find(({ labels }) => labels.alertname === 'StopgateSnapshotStale')!
  t.match(stale, {
    labels: { severity: 'warning', instance: url.host },
    annotations: { summary: new RegExp(`^The snapshot of the replica ${url.host} has been out of step with the store for \\d`), runbook_url: /#stopgatesnapshotstale$/ },
  })
  await redis.start()
  // The outage may have left out the newest units, which blocks certificates until there are enough others.
  let lossless = 0
  await silent(() => reportTo(built, Array.from({ length: 50 }, () => losslessOutcome(`afterwards-${lossless++}`))))

  await fires(['OutcomesSilent'], () => send('POST', '/v1/decisions', { tokens: 32, confidence: 0.5, context: CONTEXT }))
  await built.app.close()
  await fires(['Down', 'ReplicaDown'])
})
