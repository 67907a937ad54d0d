import { setImmediate } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import type { RedisConnection } from '../../../src/store/redis/redis-connection.js'
import { stepKeys } from '../../../src/store/redis/redis-keys.js'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { RedisRecords } from '../../../src/store/redis/redis-records.js'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { RECORD_LIMITS } from '../../../src/store/step-record-store.js'
import { STEPS } from '../../../src/store/step-records/record-kind.js'
import { startRedis, withoutRedis } from '../../redis-server.js'
import { batch, idsOf } from '../fixtures.js'
import { storeAndRedis } from '../redis-storage.js'

// contract.ts tests the laws. These tests are about what only this implementation can get wrong.

t.test('every key of a record has the hash tag and expires', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t)
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs: 5000, records: { seconds: 100 } })
  const redis = new Redis(url)
  t.teardown(() => { redis.disconnect() })
  t.teardown(() => store.close())
  const ids = idsOf('g', 600) // more than one command reads
  const steps = [{ tokens: 32, confidence: 0.5 }, { tokens: 64, confidence: 0.75 }]
  await store.stepRecords.append(batch(ids.map((id) => [id, steps])))
  t.same(await store.stepRecords.read(ids), new Map(ids.map((id) => [id, steps])))
  const keys = await redis.keys('*')
  t.same(keys.sort(), ['record_bytes', 'records', ...ids.map((id) => `steps:${id}`)].map((name) => `{stopgate}:${name}`).sort())
  for (const key of keys) {
    const ttl = await redis.ttl(key)
    if (ttl <= 90 || ttl > 100) t.fail(`${key} expires in ${ttl} s`)
  }
  await store.stepRecords.forget(ids.slice(1))
  t.same((await redis.keys('{stopgate}:steps:*')), ['{stopgate}:steps:g-0'])
  t.same(await redis.hgetall('{stopgate}:record_bytes'), { '': '17', 'g-0': '17' })
  await store.stepRecords.forget(['g-0'])
  t.same(await redis.keys('{stopgate}:*'), ['{stopgate}:record_bytes'])
  t.same(await redis.hgetall('{stopgate}:record_bytes'), { '': '0' })
})

t.test('many steps are written in several commands', { skip: withoutRedis }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  const steps = Array.from({ length: 100 }, (_, i) => ({ tokens: 32 * (i + 1), confidence: i / 100 }))
  const ids = idsOf('g', 200)
  const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
  await store.stepRecords.append(batch([['first', steps]])) // sends the script
  const before = await scripts()
  t.equal(await store.stepRecords.append(batch(ids.map((id) => [id, steps]))), 20_000)
  t.equal(await scripts() - before, 5, '40 generations each, of 4,000 steps')
  t.same(await store.stepRecords.read(ids), new Map(ids.map((id) => [id, steps])))
  const long = Array.from({ length: 5000 }, (_, i) => ({ tokens: i, confidence: 0.5 }))
  t.equal(await store.stepRecords.append(batch([['long', long], ['short', steps]])), 4096 + 100, 'a generation keeps as many steps as its limit allows')
})

t.test('other work runs between the commands', async (t) => {
  const script = async () => await setImmediate(0)
  const partitions = new RedisPartitions({ main: { script } as unknown as RedisConnection, count: 0, connect: null, seeds: [] })
  const records = new RedisRecords(partitions, STEPS, stepKeys, RECORD_LIMITS)
  const steps = Array.from({ length: 128 }, (_, i) => ({ tokens: i, confidence: 0.5, signals: { entropy: 0.5 } }))
  let turns = 0
  const done = new AbortController()
  const counting = (async () => { for (; !done.signal.aborted; turns++) await setImmediate() })()
  await records.append(batch(idsOf('g', 128).map((id) => [id, steps])))
  done.abort()
  await counting
  t.ok(turns >= 5, `${turns} turns for 16,384 steps: 4,000 in each command`)
})
