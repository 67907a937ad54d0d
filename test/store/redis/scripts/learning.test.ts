import t from 'tap'
import { KEYS } from '../../../../src/store/redis/redis-keys.js'
import { commit } from '../../../../src/store/redis/scripts/learning.js'
import { until } from '../../../helper.js'
import { withoutRedis } from '../../../redis-server.js'
import { storeAndRedis } from '../../redis-storage.js'

const skip = withoutRedis

t.test('a commit under another lease or from another cursor writes nothing', { skip }, async (t) => {
  const { redis } = await storeAndRedis(t)
  await redis.flushall()
  const keys = [
    KEYS.lease, KEYS.cursor, KEYS.ledger, KEYS.followUp, KEYS.version, KEYS.changed, KEYS.history, KEYS.log, KEYS.contexts, KEYS.pending,
    KEYS.cohorts, KEYS.reservoir, KEYS.traces, KEYS.savings,
  ]
  const args = [7, '0-0', '2-0', '2-1', '{}', '{}', 'channel', 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  const run = async () => await redis.eval(commit, keys.length, ...keys, ...args)
  t.equal(await run(), 'LEASE')
  await redis.set(KEYS.lease, '77 a')
  t.equal(await run(), 'LEASE')
  await redis.mset(KEYS.lease, '7 a', KEYS.cursor, '1-0')
  t.equal(await run(), 'CURSOR')
  t.same((await redis.keys('*')).sort(), [KEYS.cursor, KEYS.lease])
  await redis.set(KEYS.cursor, '0-0')
  t.equal(await run(), 'OK')
  t.equal(await redis.get(KEYS.cursor), '2-0')
})

t.test('each announced configuration is listed until its own time is over', { skip: withoutRedis }, async (t) => {
  const { store } = await storeAndRedis(t)
  t.same(await store.announce('a', 60_000), ['a'])
  t.same((await store.announce('b', 1)).sort(), ['a', 'b'])
  let left: string[] = []
  await until('b has expired', async () => !(left = await store.announce('c', 60_000)).includes('b'))
  t.same(left.sort(), ['a', 'c'])
})
