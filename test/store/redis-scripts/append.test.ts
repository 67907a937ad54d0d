import t from 'tap'
import { append } from '../../../src/store/redis-scripts/append.js'
import { KEYS } from '../../../src/store/redis-keys.js'
import { withoutRedis } from '../../redis-server.js'
import { predictorEntry, versionOf } from '../fixtures.js'
import { storeAndRedis } from '../redis-ground.js'

const skip = withoutRedis

t.test('predictors are read anew where one was written, by a version of before too, and not with every policy', { skip }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  const policy = { type: 'policy', key: '*', policy: {}, by: 'ops' } as const
  await store.append([predictorEntry('p', versionOf('p', 1))])
  const first = (await store.predictors()).get('p')
  await store.append([policy])
  t.equal((await store.predictors()).get('p'), first, 'the very same object')
  const older = async (name: string) => {
    await redis.hset(KEYS.predictors, name, JSON.stringify(versionOf(name, 2)))
    await redis.set(KEYS.policyVersion, await redis.incr(KEYS.version))
  }
  await older('q')
  t.same([...(await store.predictors()).keys()], ['p', 'q'])
  await store.append([policy])
  t.same([...(await store.predictors()).keys()], ['p', 'q'])
  const next = (await store.predictors()).get('p')
  await store.append([policy])
  t.equal((await store.predictors()).get('p'), next)
  await older('r')
  await store.append([policy])
  t.same([...(await store.predictors()).keys()], ['p', 'q', 'r'], 'though nobody has looked in between')
  await store.append([predictorEntry('q', null)])
  t.same([...(await store.predictors()).keys()], ['p', 'r'])
})

t.test('where the policy version is another nothing is written', { skip }, async (t) => {
  const { redis } = await storeAndRedis(t)
  await redis.flushall()
  const keys = [KEYS.log, KEYS.version, KEYS.policyVersion, KEYS.changed, KEYS.audit, KEYS.predictorsAt, KEYS.policies]
  const args = [60, 1000, 10, 7, 'channel', 10, 'policy', '*', '{}', '{}', '{}']
  t.equal(await redis.eval(append, keys.length, ...keys, ...args), 'CONFLICT')
  t.same(await redis.keys('*'), [])
})
