import t from 'tap'
import { CONTEXT, KEY, losslessOutcome, report } from '../certify.js'
import { countsOf } from '../follow-up-counts.js'
import { until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { startProcess } from '../service-process.js'
import { treatedGenerations, treatedOutcome } from './treated-outcome.js'
import { QUICK_TIMES, quickPolicy, SHUFFLED } from '../quick-policy.js'

t.test('another replica takes over when the learner is killed, and every outcome counts once', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  // Two batches certify. The other replica takes over within the follow-up, also on a busy machine.
  const policy = quickPolicy({ ...SHUFFLED, follow_up_seconds: 30 })
  const replicas = [1, 2].map(() => startProcess(t, { REDIS_URL: redis.url, DEFAULT_POLICY: policy }, { times: QUICK_TIMES }))
  const isLeader = async (replica: typeof replicas[number]) => (await replica.get('/readyz')).body.learner.leader
  const leader = await until('a replica leads', async () => {
    for (const replica of replicas) if (await isLeader(replica)) return replica
  })
  const follower = replicas.find((replica) => replica !== leader)!
  const treated = Array.from({ length: 300 }, (_, i) => treatedOutcome(`treated-${i}`))
  const control = Array.from({ length: 300 }, (_, i) => losslessOutcome(`control-${i}`))
  t.match(await follower.post('/v1/outcomes/batch', { outcomes: treated }), { status: 202, body: { accepted: 300 } })
  await report(follower.post, control.slice(0, 150))
  await until('evidence is learned', async () => await learnedControl() > 0)
  leader.child.kill('SIGKILL')
  await report(follower.post, control.slice(150))
  await until('the other replica leads', () => isLeader(follower))
  const counts = await until('all 600 outcomes are learned', async () => {
    const counts = await countsOf(follower.get, KEY)
    const { accounted = 0, late = 0, unenrolled = 0 } = counts
    return accounted + late + unenrolled === 300 && await treatedGenerations(follower.get) === 300 && counts
  })
  t.comment(JSON.stringify(counts))
  t.equal(await learnedControl(), 300)
  t.match(await follower.post('/v1/outcomes/batch', { outcomes: [treated[0], control[299]] }), { body: { accepted: 0, duplicates: 2 } })
  const step = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }
  await until('it certifies', async () => (await follower.post('/v1/decisions', step)).body.decision === 'stop')

  async function learnedControl (): Promise<number> {
    return (await follower.get(`/v1/contexts/${encodeURIComponent(KEY)}`)).body.generations?.control ?? 0
  }
})
