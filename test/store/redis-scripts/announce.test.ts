import t from 'tap'
import { until } from '../../helper.js'
import { withoutRedis } from '../../redis-server.js'
import { storeAndRedis } from '../redis-ground.js'

t.test('each announced configuration is listed until its own time is over', { skip: withoutRedis }, async (t) => {
  const { store } = await storeAndRedis(t)
  t.same(await store.announce('a', 60_000), ['a'])
  t.same((await store.announce('b', 1)).sort(), ['a', 'b'])
  let left: string[] = []
  await until('b has expired', async () => !(left = await store.announce('c', 60_000)).includes('b'))
  t.same(left.sort(), ['a', 'c'])
})
