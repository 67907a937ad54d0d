import t, { type Test } from 'tap'
import { RedisStore } from '../../src/store/redis-store.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { contract, type GroundOptions } from './contract.js'

contract(t, async (t: Test, limits: GroundOptions = {}) => {
  const redis = await startRedis(t, DURABLE)
  const open = async () => {
    const store = await RedisStore.open({ dedupSeconds: 3600, ...limits, url: redis.url, timeoutMs: 5000 })
    t.teardown(() => store.close())
    return store
  }
  const [store, other] = await Promise.all([open(), open()])
  return {
    store,
    other,
    async crash () {
      await redis.stop('SIGKILL')
      await redis.start()
      return open()
    },
  }
}, { skip: withoutRedis })
