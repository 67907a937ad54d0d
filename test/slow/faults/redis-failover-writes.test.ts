import t from 'tap'
import { startSentinels } from '../../faults/redis-fleet.js'
import { treatedGenerations, treatedOutcome } from '../../faults/treated-outcome.js'
import { until } from '../../helper.js'
import { quickPolicy, QUICK_TIMES } from '../../quick-policy.js'
import { DURABLE, withoutRedis } from '../../redis-server.js'
import { startProcess } from '../../service-process.js'

const WRITERS = 16
const BEFORE = 200

/**
 * Kills the master while clients report without a pause, each the same outcome until it is acknowledged.
 * @returns the ids that were acknowledged, and those of them that the promoted replica does not have
 */
async function failOver (t: Parameters<typeof startSentinels>[0], waitReplicas: '0' | '1') {
  const { url, master } = await startSentinels(t, DURABLE)
  const env = { REDIS_URL: url, REDIS_WAIT_REPLICAS: waitReplicas, DEFAULT_POLICY: quickPolicy(), POLL_SECONDS: '0.2', LEASE_SECONDS: '1' }
  const service = startProcess(t, env, { times: QUICK_TIMES })
  await until('the store is reached', async () => (await service.get('/readyz')).status === 200)
  const acknowledged = new Set<string>()
  const over = new AbortController()
  let refused = 0
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let i = 0; !over.signal.aborted; i++) {
      const id = `w${writer}-${i}`
      // A reply that was lost leaves open whether the outcome counts, so the client sends it again.
      await until(`${id} is acknowledged`, async () => {
        const { status } = await service.post('/v1/outcomes', treatedOutcome(id)).catch(() => ({ status: 0 }))
        if (status !== 202) refused++
        return status === 202
      })
      acknowledged.add(id)
    }
  })
  await until('they report', () => acknowledged.size > BEFORE)
  // With a replica to wait for, the new master has none, and outcomes are refused until the old one is back.
  await master.stop('SIGKILL')
  const killedAt = acknowledged.size
  await until('outcomes are refused', () => refused > 0)
  if (waitReplicas === '1') await master.start()
  await until('outcomes are taken again', () => acknowledged.size > killedAt + BEFORE)
  over.abort()
  await Promise.all(writers)
  const known = await treatedGenerations(service.get)
  const lost: string[] = []
  for (const id of acknowledged) {
    const { body } = await service.post('/v1/outcomes', treatedOutcome(id))
    if (body.duplicates !== 1) lost.push(id)
  }
  const learned = async () => await treatedGenerations(service.get)
  await until('each is learned once', async () => await learned() >= acknowledged.size)
  t.comment(`${acknowledged.size} acknowledged, ${refused} refused, ${lost.length} lost; ${known} were learned before the check`)
  t.equal(await learned(), acknowledged.size, 'nothing counts twice')
  return lost
}

t.test('with REDIS_WAIT_REPLICAS=1, a failover under writes loses and doubles nothing', { skip: withoutRedis, timeout: 180_000 }, async (t) => {
  t.same(await failOver(t, '1'), [])
})

t.test('without it, outcomes of the last moments may be lost, and nothing is doubled', { skip: withoutRedis, timeout: 180_000 }, async (t) => {
  const lost = await failOver(t, '0')
  t.ok(lost.length <= 10 * WRITERS, 'only those that were under way to the replica')
})
