import t from 'tap'
import { KEYS, RECENT, STATE_KEYS } from '../../../../src/store/redis/redis-keys.js'
import { exportStateScript } from '../../../../src/store/redis/scripts/move-state.js'
import { until } from '../../../helper.js'
import { withoutRedis } from '../../../redis-server.js'
import { outcome } from '../../fixtures.js'
import { storeAndRedis } from '../../redis-storage.js'

t.test('an export waits until its moment is after all entries', { skip: withoutRedis }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  const values = [KEYS.salt, KEYS.version, KEYS.policyVersion, KEYS.cursor, KEYS.ledger, KEYS.followUp, KEYS.format, KEYS.stateId]
  const keys = [...STATE_KEYS, ...values, KEYS.recentAt, ...RECENT]
  const run = async () => await redis.eval(exportStateScript, keys.length, ...keys)
  await store.append([outcome('a')])
  const last = (await store.read('0-0', 1, 0))[0]!.time
  let reply: unknown = 'AGAIN'
  await until('a millisecond has passed', async () => (reply = await run()) !== 'AGAIN')
  const [now] = reply as [number]
  t.ok(now > last)
  await redis.call('XSETID', KEYS.log, `${last + 3_600_000}-0`)
  t.equal(await run(), 'AGAIN')
})
