import t from 'tap'
import { until } from '../../helper.js'
import { withoutRedis } from '../../redis-server.js'
import { storeAndRedis } from '../redis-ground.js'

t.test('configurations are announced until they expire', { skip: withoutRedis }, async (t) => {
  const { store } = await storeAndRedis(t)
  t.same(await store.announce('a', 60_000), ['a'])
  t.same((await store.announce('b', 1)).sort(), ['a', 'b'])
  await until('b has expired', async () => (await store.announce('a', 60_000)).length === 1)
})
