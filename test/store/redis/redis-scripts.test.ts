import t from 'tap'
import { SCRIPTS } from '../../../src/store/redis/redis-connection.js'
import { withoutRedis } from '../../redis-server.js'
import { outcome } from '../fixtures.js'
import { storeAndRedis, useAll } from '../redis-storage.js'

const skip = withoutRedis

t.test('scripts that Redis forgot are sent again', { skip }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  for (let i = 0; i < 2; i++) {
    await useAll(store).catch((error: Error) => { if (error.name !== 'LeaseLostError') throw error }) // the cursor has moved the second time
    await redis.script('FLUSH')
  }
  t.same(await Promise.all(['b', 'b', 'c'].map(async (id) => (await store.append([outcome(id)]))[0])), ['accepted', 'duplicate', 'accepted'])
})

t.test('Redis compiles every script', { skip }, async (t) => {
  const { redis } = await storeAndRedis(t)
  for (const [name, lua] of Object.entries(SCRIPTS)) t.match(await redis.script('LOAD', lua), /^[0-9a-f]{40}$/, name)
})
