import { Redis } from 'ioredis'
import t from 'tap'
import { RedisStore } from '../../src/store/redis-store.js'
import { startRedis, withoutRedis } from '../redis-server.js'
import { batch, idsOf } from './fixtures.js'

// The laws are tested by the contract; here is what only this store can get wrong.

t.test('every key of a record is under the hash tag, and expires', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t)
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs: 5000, records: { seconds: 100 } })
  const redis = new Redis(url)
  t.teardown(() => { redis.disconnect() })
  t.teardown(() => store.close())
  const ids = idsOf('g', 600) // more than are read at a time
  const steps = [{ tokens: 32, confidence: 0.5 }, { tokens: 64, confidence: 0.75 }]
  await store.record(batch(ids.map((id) => [id, steps])))
  t.same(await store.recorded(ids), new Map(ids.map((id) => [id, steps])))
  const keys = await redis.keys('*')
  t.same(keys.sort(), ['record_bytes', 'records', ...ids.map((id) => `steps:${id}`)].map((name) => `{stopgate}:${name}`).sort())
  for (const key of keys) {
    const ttl = await redis.ttl(key)
    if (ttl <= 90 || ttl > 100) t.fail(`${key} expires in ${ttl} s`)
  }
  await store.forget(ids.slice(1))
  t.same((await redis.keys('{stopgate}:steps:*')), ['{stopgate}:steps:g-0'])
  t.same(await redis.hgetall('{stopgate}:record_bytes'), { '': '17', 'g-0': '17' })
  await store.forget(['g-0'])
  t.same(await redis.keys('{stopgate}:*'), ['{stopgate}:record_bytes'])
  t.same(await redis.hgetall('{stopgate}:record_bytes'), { '': '0' })
})
