import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisStore } from '../../src/store/redis/redis-store.js'
import { DURABLE, startRedis, withoutRedis, type RedisSettings } from '../redis-server.js'

const skip = withoutRedis

async function warningsOf (t: Test, settings: RedisSettings): Promise<string[]> {
  const redis = await startRedis(t, settings)
  const store = await RedisStore.open({ url: redis.url, dedupSeconds: 10, timeoutMs: 5000 })
  t.teardown(() => store.close())
  return store.warnings()
}

t.test('settings that may lose acknowledged outcomes give warnings with the remedy', { skip }, async (t) => {
  t.same(await warningsOf(t, DURABLE), [])
  t.match(await warningsOf(t, { appendonly: 'no' }), [/set `appendonly yes` and `appendfsync always`/])
  t.match(await warningsOf(t, { appendonly: 'yes', appendfsync: 'everysec' }), [/`appendfsync everysec`.*set `appendfsync always`/])
  t.match(await warningsOf(t, { ...DURABLE, 'maxmemory-policy': 'allkeys-lru' }), [/allkeys-lru.*set `maxmemory-policy noeviction`/])
  t.equal((await warningsOf(t, { appendonly: 'no', 'maxmemory-policy': 'volatile-ttl' })).length, 2)
})

t.test('a server that hides its settings gives one warning and counts as up', { skip }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })
  await admin.acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-config')
  const store = await RedisStore.open({ url: redis.url.replace('//', '//app:secret@'), dedupSeconds: 10, timeoutMs: 5000 })
  t.teardown(() => store.close())
  t.match(await store.warnings(), [/CONFIG GET/])
  t.equal((await store.warnings()).length, 1)
  t.equal(store.isUp(), true)
})
