import t from 'tap'
import { KEY, losslessOutcome } from '../certify.js'
import { until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { startProcess } from '../service-process.js'

t.test('another replica takes over when the learner is killed, and every outcome counts once', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const replicas = [1, 2].map(() => startProcess(t, { REDIS_URL: redis.url, DEFAULT_POLICY: '{"follow_up_seconds":0}' }))
  const isLeader = async (replica: typeof replicas[number]) => (await replica.get('/readyz')).body.learner.leader
  const leader = await until('a replica leads', async () => {
    for (const replica of replicas) if (await isLeader(replica)) return replica
  })
  const follower = replicas.find((replica) => replica !== leader)!
  const context = async () => (await follower.get(`/v1/contexts/${encodeURIComponent(KEY)}`)).body

  let sent = 0
  const send = async (count: number) => {
    const outcomes = Array.from({ length: count }, () => losslessOutcome(`g${sent++}`))
    t.match(await follower.post('/v1/outcomes/batch', { outcomes }), { status: 202, body: { accepted: count } })
  }
  await send(300)
  await until('some outcomes are learned', async () => (await context()).control_generations > 0)
  leader.child.kill('SIGKILL')
  const killedAt = performance.now()
  await send(300)
  await until('the other replica leads', () => isLeader(follower))
  t.comment(`taken over after ${Math.round(performance.now() - killedAt)} ms; by default it takes up to 5 s on a quiet machine`)
  await until('all 600 outcomes are learned', async () => (await context()).control_generations === 600)
  t.match(await follower.post('/v1/outcomes/batch', { outcomes: [losslessOutcome('g0'), losslessOutcome('g599')] }), { body: { accepted: 0, duplicates: 2 } })
  t.match(await follower.post('/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.99, context: { model: 'q', task: 'gsm8k' } }), { body: { decision: 'stop' } })
})
