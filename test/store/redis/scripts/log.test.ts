import t from 'tap'
import { KEYS } from '../../../../src/store/redis/redis-keys.js'
import { appendScript } from '../../../../src/store/redis/scripts/log.js'
import { withoutRedis } from '../../../redis-server.js'
import { predictorEntry, versionOf } from '../../fixtures.js'
import { storeAndRedis } from '../../redis-storage.js'

const skip = withoutRedis

t.test('predictors are read again after one was written, and not after other commands', { skip }, async (t) => {
  const { store } = await storeAndRedis(t)
  const policy = { type: 'policy', key: '*', policy: {}, by: 'ops' } as const
  t.equal((await store.predictors()).size, 0)
  await store.append([predictorEntry('p', versionOf('p', 1))])
  const first = (await store.predictors()).get('p')
  await store.append([policy])
  t.equal((await store.predictors()).get('p'), first, 'the same object')
  await store.append([predictorEntry('q', versionOf('q', 2)), policy])
  t.same([...(await store.predictors()).keys()], ['p', 'q'])
  await store.append([predictorEntry('q', null)])
  t.same([...(await store.predictors()).keys()], ['p'])
})

t.test('nothing is written when the policy version has moved', { skip }, async (t) => {
  const { redis } = await storeAndRedis(t)
  await redis.flushall()
  const keys = [KEYS.log, KEYS.version, KEYS.policyVersion, KEYS.changed, KEYS.audit, KEYS.predictorsAt, KEYS.policies]
  const args = [60, 10, 7, 'channel', 10, 'policy', '*', '{}', '{}', '{}']
  t.equal(await redis.eval(appendScript, keys.length, ...keys, ...args), 'CONFLICT')
  t.same(await redis.keys('*'), [])
})
