import t from 'tap'
import { KEYS } from '../../../../src/store/redis/redis-keys.js'
import { writeTraining } from '../../../../src/store/redis/scripts/training-runs.js'
import { withoutRedis } from '../../../redis-server.js'
import { storeAndRedis } from '../../redis-storage.js'

t.test('a run at another revision or in a store of a newer format is not written', { skip: withoutRedis }, async (t) => {
  const { redis } = await storeAndRedis(t)
  const keys = [KEYS.trainingRuns, KEYS.trainingSeries, KEYS.log, KEYS.format]
  const write = async (from: string) => await redis.eval(writeTraining, keys.length, ...keys, 1, 0, 0, 0, 0, 2, 'r', from, 'r', `${Number(from) + 1} {}`)
  t.equal(await write(''), 'OK')
  t.equal(await write(''), 'CONFLICT')
  t.equal(await write('1'), 'OK')
  await redis.set(KEYS.format, 3)
  t.equal(await write('2'), 'NEWER 3')
  t.same(await redis.hgetall(KEYS.trainingRuns), { r: '2 {}' })
})
