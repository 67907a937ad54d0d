import { readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { seenKey } from '../../../src/store/redis/redis-keys.js'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { admin } from '../../faults/redis-fleet.js'
import { until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { idsIn, outcomes } from '../fixtures.js'

// contract-log.ts tests the laws of the log.

/** @param partitions 0: ids have keys beside the log; otherwise they are in a bucket, and then in partitions */
async function comesBackHalf (t: Test, partitions: number): Promise<void> {
  const redis = await startRedis(t, DURABLE)
  const store = await RedisStore.open({ url: redis.url, dedupSeconds: 3600, timeoutMs: 5000, partitions })
  t.teardown(() => store.close())
  const restart = async () => {
    await redis.stop('SIGKILL')
    await redis.start()
    await until('the store is connected again', () => store.revision().then(() => true, () => false))
  }
  await store.append(outcomes('before'))
  await store.append(outcomes('a', 'b', 'c'))
  await redis.stop('SIGKILL')
  const folder = join(redis.folder, 'appendonlydir')
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith('.incr.aof'))!)
  truncateSync(file, readFileSync(file, 'latin1').lastIndexOf('"generation_id":"b"') + 3) // as a kill during the write does
  await restart()
  t.same(idsIn(await store.read('0-0', 100, 0)), ['before'], 'the interrupted call wrote nothing')
  t.same(await store.append(outcomes('a', 'b', 'c')), ['accepted', 'accepted', 'accepted'])
  await restart()
  t.same(idsIn(await store.read('0-0', 100, 0)).filter((name) => name !== 'tick'), ['before', 'a', 'b', 'c'])
}

for (const partitions of [0, 8]) {
  t.test(`an outcome counts once, even if Redis with ${partitions} partitions brings back half of a call that a kill interrupted`, { skip: withoutRedis }, (t) =>
    comesBackHalf(t, partitions))
}

t.test('an outcome in the log is read even if its id has been forgotten', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const store = await RedisStore.open({ url: redis.url, dedupSeconds: 3600, timeoutMs: 5000 })
  t.teardown(() => store.close())
  await store.append(outcomes('a', 'b'))
  await admin(t, redis).unlink(seenKey('a'))
  t.same(idsIn(await store.read('0-0', 100, 0)), ['a', 'b'])
})
