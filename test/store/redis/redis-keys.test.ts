import t from 'tap'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { withoutRedis } from '../../redis-server.js'
import { storeAndRedis, useAll } from '../redis-storage.js'

const skip = withoutRedis

t.test('every key has the hash tag and a documented name', { skip }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  await useAll(store)
  const names = [
    'audit', 'changed', 'cohorts', 'contexts', 'cursor', 'follow_up', 'format', 'history', 'lease', 'lease_token', 'ledger', 'log', 'loss', 'pending', 'pins', 'policies', 'policy_version',
    'predictors', 'predictors_at', 'replicas', 'reservoir', 'salt', 'savings', 'seen:a',
    'state_id', 'stop_bytes', 'stops', 'traces', 'training_runs', 'training_series', 'version',
  ]
  t.same((await redis.keys('*')).sort(), names.map((name) => `{stopgate}:${name}`))
  const ttl = await redis.ttl('{stopgate}:seen:a')
  t.ok(ttl > 3590 && ttl <= 3600, 'only the ids expire')
  // These expire, nobody waits for replicas here, and ids have no partitions.
  const others: string[] = [
    KEYS.lease, KEYS.replicas, KEYS.logged, KEYS.loggedBytes, KEYS.answered,
    KEYS.answeredBytes, KEYS.stops, KEYS.stopBytes, KEYS.loss, KEYS.written, KEYS.recentAt,
  ]
  for (const key of Object.values(KEYS)) if (!others.includes(key)) t.equal(await redis.ttl(key), -1, key)
})
