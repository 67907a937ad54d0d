import t from 'tap'
import { KEYS } from '../../../../src/store/redis/redis-keys.js'
import { renewLease } from '../../../../src/store/redis/scripts/learning.js'
import { withoutRedis } from '../../../redis-server.js'
import { storeAndRedis } from '../../redis-storage.js'

const skip = withoutRedis

t.test('holders are compared by their whole names', { skip }, async (t) => {
  const { store } = await storeAndRedis(t)
  await store.acquireLease('worker 1', 10_000)
  t.equal(await store.acquireLease('1', 10_000), null)
  t.equal(await store.acquireLease('worker', 10_000), null)
  t.type(await store.acquireLease('worker 1', 10_000), 'number')
})

t.test('tokens are compared by all their digits', { skip }, async (t) => {
  const { redis } = await storeAndRedis(t)
  await redis.set(KEYS.lease, '17 a')
  for (const token of [1, 7, 170]) t.equal(await redis.eval(renewLease, 1, KEYS.lease, token, 1000), 0)
  t.equal(await redis.eval(renewLease, 1, KEYS.lease, 17, 1000), 1)
})
