import t from 'tap'
import { build, until } from '../helper.js'
import { CONTEXT, KEY } from '../lean-worker.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { startProcess } from '../service-process.js'

t.test('a generation whose steps were lost with a replica counts as lost at every threshold', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const env = { REDIS_URL: redis.url, DEFAULT_POLICY: '{"follow_up_seconds":0}' }
  const built = await build(t, env)
  const other = startProcess(t, env)
  await other.url()
  const step = (generation_id: string, tokens: number, confidence: number) =>
    ({ generation_id, arm: 'control', context: CONTEXT, tokens, confidence, em: 1 })
  const ids = ['counted', 'cadenced']
  for (const id of ids) await built.send('POST', '/v1/decisions', step(id, 32, 0.2))
  await built.recorder.flush()

  await redis.stop('SIGKILL') // so that the other replica cannot store its steps
  for (const id of [...ids, 'all of it']) t.equal((await other.post('/v1/decisions', step(id, 64, 0.99))).status, 200)
  other.child.kill('SIGKILL')
  await other.exited
  await redis.start()

  const outcomes = [...ids, 'all of it'].map((generation_id) =>
    ({ generation_id, arm: 'control', context: CONTEXT, tokens: 80, em: 1, ...(generation_id !== 'cadenced' && { steps_asked: 2 }) }))
  await until('the store is back', async () => (await built.send('POST', '/v1/outcomes/batch', { outcomes })).status === 202)
  const body = await until('they are learned', async () => {
    const { body } = await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)
    return body.control_generations === 3 && body
  })
  t.match(body.follow_up, { enrolled: 3, accounted: 0, missing: 3 })
  for (const threshold of body.thresholds) t.match(threshold, { lost: 3, kept: 0, gained: 0 }, `${threshold.threshold}`)
})
