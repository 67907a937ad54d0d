import { setImmediate } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import type { RedisConnection } from '../../../src/store/redis/redis-connection.js'
import { answerKeys } from '../../../src/store/redis/redis-keys.js'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { RedisRecords } from '../../../src/store/redis/redis-records.js'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { EVENT_LIMITS } from '../../../src/store/event-store.js'
import { startRedis, withoutRedis } from '../../redis-server.js'
import { batch, idsOf, textsAt } from '../fixtures.js'
import { storeAndRedis } from '../redis-storage.js'

// contract.ts tests the laws. These tests are about what only this implementation can get wrong.

t.test('every key of a record has the hash tag and expires', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t)
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs: 5000, answers: { seconds: 100, texts: 2 } })
  const redis = new Redis(url)
  t.teardown(() => { redis.disconnect() })
  t.teardown(() => store.close())
  const ids = idsOf('g', 600) // more than one command reads
  const texts = textsAt(1, 2)
  await store.answers.append(batch(ids.map((id) => [id, texts])))
  t.same(await store.answers.read(ids), new Map(ids.map((id) => [id, texts])))
  const keys = await redis.keys('*')
  t.same(keys.sort(), ['answered', 'answered_bytes', ...ids.map((id) => `answers:${id}`)].map((name) => `{stopgate}:${name}`).sort())
  for (const key of keys) {
    const ttl = await redis.ttl(key)
    if (ttl <= 90 || ttl > 100) t.fail(`${key} expires in ${ttl} s`)
  }
  await store.answers.forget(ids.slice(1))
  t.same((await redis.keys('{stopgate}:answers:*')), ['{stopgate}:answers:g-0'])
  t.same(await redis.hgetall('{stopgate}:answered_bytes'), { '': '16', 'g-0': '16' })
  await store.answers.forget(['g-0'])
  t.same(await redis.keys('{stopgate}:*'), ['{stopgate}:answered_bytes'])
  t.same(await redis.hgetall('{stopgate}:answered_bytes'), { '': '0' })
})

t.test('many texts are written in several commands', { skip: withoutRedis }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  const texts = textsAt(...Array.from({ length: 100 }, (_, i) => i))
  const ids = idsOf('g', 200)
  const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
  await store.events.append(batch([['first', texts]])) // sends the script
  const before = await scripts()
  t.equal(await store.events.append(batch(ids.map((id) => [id, texts]))), 20_000)
  t.equal(await scripts() - before, 5, '40 generations each, of 4,000 texts')
  t.same(await store.events.read(ids), new Map(ids.map((id) => [id, texts])))
  const long = textsAt(...Array.from({ length: 5000 }, (_, i) => i))
  t.equal(await store.events.append(batch([['long', long], ['short', texts]])), 4096 + 100, 'a generation keeps as many texts as its limit allows')
})

t.test('other work runs between the commands', async (t) => {
  const script = async () => await setImmediate(0)
  const partitions = new RedisPartitions({ main: { script } as unknown as RedisConnection, count: 0, connect: null, seeds: [] })
  const records = new RedisRecords(partitions, answerKeys, EVENT_LIMITS)
  const texts = textsAt(...Array.from({ length: 128 }, (_, i) => i))
  let turns = 0
  const done = new AbortController()
  const counting = (async () => { for (; !done.signal.aborted; turns++) await setImmediate() })()
  await records.append(batch(idsOf('g', 128).map((id) => [id, texts])))
  done.abort()
  await counting
  t.ok(turns >= 5, `${turns} turns for 16,384 texts: 4,000 in each command`)
})
