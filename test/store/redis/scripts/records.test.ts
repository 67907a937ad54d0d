import t from 'tap'
import { answerKeys, KEYS } from '../../../../src/store/redis/redis-keys.js'
import { forget, record, recorded } from '../../../../src/store/redis/scripts/records.js'
import { withoutRedis } from '../../../redis-server.js'
import { storeAndRedis } from '../../redis-storage.js'

const listOf = answerKeys('stopgate').list

t.test('the total of bytes is the sum over all records', { skip: withoutRedis }, async (t) => {
  const { redis } = await storeAndRedis(t)
  const keep = async (id: string, ...texts: string[]) =>
    await redis.eval(record, 3, KEYS.answered, KEYS.answeredBytes, listOf(id), 60_000, 3, 2, 100, listOf(''), id, texts.length, ...texts)
  t.equal(await keep('a', '12', '345'), 2)
  t.equal(await keep('a', '6', '7'), 1, 'no more than three of a generation')
  t.equal(await keep('b', '89'), 1)
  t.same(await redis.hgetall(KEYS.answeredBytes), { a: '6', b: '2', '': '8' })
  await keep('c', '0')
  t.same(await redis.hgetall(KEYS.answeredBytes), { b: '2', c: '1', '': '3' }, 'the oldest makes room')
  t.same(await redis.eval(recorded, 2, listOf('a'), listOf('b')), [[], ['89']])
  await redis.eval(forget, 2, KEYS.answered, KEYS.answeredBytes, listOf(''), 'b', 'c', 'nobody')
  t.same(await redis.hgetall(KEYS.answeredBytes), { '': '0' })
})
