import t from 'tap'
import { sleep } from '../../clock.js'
import { countsOf } from '../../follow-up-counts.js'
import { until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { startQuick } from './enrolled-workers.js'

const context = { model: 'q', task: 'outage' }
const steps = [{ tokens: 16, confidence: 0.05, em: 1 }, { tokens: 32, confidence: 1, em: 1 }]
/** Longer than a list may be old, on the clock of the service. */
const OUTAGE_MS = 3000

t.test('after an outage of the store, replies do not blame workers', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const service = startQuick(t, { REDIS_URL: redis.url, DEFAULT_POLICY: JSON.stringify({ evidence_span_seconds: 0, control_rate: 1 }) })
  await until('a replica learns', async () => (await service.get('/readyz')).body.learner.leader)
  const warnings = new Set<string>()
  let started = 0

  /** Sends a request until it is accepted. */
  async function send (path: string, body: object): Promise<any> {
    const reply = await until(`${path} is accepted`, async () => {
      const reply = await service.post(path, { context, ...body })
      return reply.status < 300 ? reply : null
    })
    for (const warning of reply.body.warnings ?? []) warnings.add(warning)
    return reply.body
  }
  /** What an honest worker does: it asks from the first step on, and sends its outcome until it is accepted. */
  async function generate (): Promise<void> {
    const generation_id = `g-${started++}`
    const { arm } = await send('/v1/decisions', { generation_id, tokens: 16, confidence: 0.05 })
    await sleep(200) // as long as it lasts
    await send('/v1/outcomes', { generation_id, arm, tokens: 64, em: 1, answer: 'a', samples: 1, steps })
  }
  const burst = (count: number) => Promise.all(Array.from({ length: count }, generate))

  await burst(100)
  await redis.stop('SIGKILL')
  const during = [burst(300)]
  for (let passed = 0; passed < OUTAGE_MS; passed += 250) {
    await sleep(250)
    during.push(burst(25))
  }
  await redis.start()
  await Promise.all(during)
  const fates = await until('the generations of the outage are counted', async () => {
    await burst(5)
    const counts = await countsOf((path) => service.get(path), 'model=q,task=outage')
    const isLearned = (await service.get('/v1/snapshot')).body.learner.log_lag === 0
    return isLearned && counts.unenrolled! >= 300 && counts // the lists of the last ones may come in time
  })
  t.comment(JSON.stringify(fates))
  await burst(5)
  for (const blaming of ['steps_missing', 'outcomes_missing']) t.notOk(warnings.has(blaming), blaming)
  t.ok(warnings.has('left_out_high'), 'replies say what happened')
  t.match((await service.get('/readyz')).body.warnings.join(), /more control generations are left out .* The store was away/)
})
