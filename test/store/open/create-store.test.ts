import t from 'tap'
import { createStore } from '../../../src/store/open/create-store.js'
import { temporaryFolder } from '../../helper.js'
import { freePort } from '../../redis-server.js'

t.test('without REDIS_URL the store is embedded', async (t) => {
  for (const redisUrl of [undefined, '']) {
    const store = await createStore({ redisUrl, dataDir: await temporaryFolder(t), dedupSeconds: 10 })
    t.teardown(() => store.close())
    t.equal(store.kind, 'embedded')
    t.equal(store.isUp(), true)
  }
})

t.test('with REDIS_URL the store is in Redis, even while Redis is down', async (t) => {
  const store = await createStore({ redisUrl: `redis://127.0.0.1:${await freePort()}`, dataDir: '', dedupSeconds: 10 })
  t.teardown(() => store.close())
  t.equal(store.kind, 'redis')
  t.equal(store.isUp(), false)
})
