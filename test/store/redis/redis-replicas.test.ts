import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { startProxy } from '../../faults/proxy.js'
import { admin } from '../../faults/redis-fleet.js'
import { until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis, type RedisSettings } from '../../redis-server.js'
import { outcome, outcomes, trainingWriteOf } from '../fixtures.js'

t.test('acknowledged writes are on a replica, so a failover loses nothing', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const replica = await startRedis(t, { ...DURABLE, replicaof: `127.0.0.1 ${redis.port}` })
  await until('the replica has all', async () => /master_link_status:up/.test(await admin(t, replica).info('replication')))
  const open = async (url: string, waitReplicas: number) => {
    const store = await RedisStore.open({ url, timeoutMs: 600, waitReplicas })
    t.teardown(() => store.close())
    return store
  }
  const [store, other, careless] = await Promise.all([open(redis.url, 1), open(redis.url, 1), open(redis.url, 0)])
  t.same(await store.append([outcome('a')]), ['accepted'])
  t.same(await store.warnings(), [])

  replica.pause()
  t.same(await careless.append([outcome('b')]), ['accepted'])
  await t.rejects(store.append([outcome('c')]), { name: 'StoreUnavailableError', message: /only 0 of 1 replicas/ })
  await t.rejects(store.trainingRuns.write(trainingWriteOf('r', null)), { name: 'StoreUnavailableError' })
  await t.rejects(other.append(outcomes('b', 'c')), { name: 'StoreUnavailableError' }, 'duplicates are not acknowledged either, whichever client wrote the first')
  t.equal(store.isUp(), false)
  t.match(await store.warnings(), [/outcomes are refused.*only 0 of 1 replicas.*REDIS_WAIT_REPLICAS/])
  replica.resume()
  await until('it is up again, though nobody reports', () => store.isUp())
  t.same(await store.warnings(), [])
  await until('it has caught up', () => store.append(outcomes('b', 'c')).then((appended) => appended.join() === 'duplicate,duplicate', () => false))
  t.equal(store.isUp(), true)
  t.same(await store.warnings(), [])

  const many = Array.from({ length: 100 }, (_, i) => `m${i}`)
  await Promise.all(many.map((id) => store.append([outcome(id)])))
  await redis.stop('SIGKILL')
  await admin(t, replica).replicaof('NO', 'ONE')
  const after = await open(replica.url, 0)
  t.same(new Set(await after.append(outcomes('a', 'b', 'c', ...many))), new Set(['duplicate']))
})

t.test('a wait on a master other than that of the write does not count', { skip: withoutRedis }, async (t) => {
  const masters = await Promise.all([startRedis(t), startRedis(t)])
  const replicas = await Promise.all(masters.map(({ port }) =>
    startRedis(t, { replicaof: `127.0.0.1 ${port}`, 'repl-diskless-sync-delay': '0' })))
  const [old, promoted] = masters.map((master) => admin(t, master)) as [ReturnType<typeof admin>, ReturnType<typeof admin>]
  for (const replica of replicas) {
    await until('the replica has all', async () => /master_link_status:up/.test(await admin(t, replica).info('replication')))
  }
  const proxy = await startProxy(t, masters[0]!.port)
  const store = await RedisStore.open({ url: proxy.url, timeoutMs: 2000, waitReplicas: 1 })
  t.teardown(() => store.close())
  t.same(await store.append([outcome('a')]), ['accepted'])

  const waits = (await old.client('LIST') as string).split('\n').find((line) => / cmd=wait /.test(line))!
  proxy.moveTo(masters[1]!.port)
  await old.client('KILL', 'ID', /^id=(\d+)/.exec(waits)![1]!)
  const before = await promoted.exists('{stopgate}:written')
  await until('it waits on the promoted master', async () => {
    await store.append([outcome('b')]).catch(() => {})
    return await promoted.exists('{stopgate}:written') > before
  })
  const appended = await until('it is acknowledged', () => store.append([outcome('b')]).catch(() => null))
  t.equal(await promoted.exists('{stopgate}:seen:b'), 1, `by the promoted one, as ${appended.join()}`)
})

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
