import { Redis } from 'ioredis'
import t from 'tap'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { startRedis, withoutRedis } from '../../redis-server.js'
import { trainingWriteOf } from '../fixtures.js'

// contract-training.ts tests the laws. This test is about the form in which Redis holds runs.

t.test('runs and series are stored as JSON in two hashes with the hash tag', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t)
  const store = await RedisStore.open({ url, timeoutMs: 5000 })
  const redis = new Redis(url)
  t.teardown(() => { redis.disconnect() })
  t.teardown(() => store.close())
  await store.trainingRuns.write(trainingWriteOf('r', null))
  t.same((await redis.keys('*')).sort(), ['{stopgate}:training_runs', '{stopgate}:training_series'])
  t.match(await redis.hget('{stopgate}:training_runs', 'r'), /^1 \{"name":"r"/)
  t.match(await redis.hget('{stopgate}:training_series', '["r","s"]'), /"em":0.5/)
  await store.trainingRuns.write(trainingWriteOf('new', null, { dropped: [trainingWriteOf('r', null).run] }))
  t.same(await redis.hkeys('{stopgate}:training_series'), ['["new","s"]'])
})
