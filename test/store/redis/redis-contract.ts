import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { DURABLE, startRedis } from '../../redis-server.js'
import type { StoreLimits } from '../contract.js'

/** The rights that the documentation gives to a user of Redis. */
export const RIGHTS = /ACL SETUSER (stopgate on >PASSWORD .*)/.exec(readFileSync('docs/operate/redis.md', 'utf8'))![1]!
export const asUser = (port: number) => `redis://stopgate:PASSWORD@127.0.0.1:${port}`

/** The contract on a server with the documented rights. The time limit of a command leaves room for a busy machine. */
export const storeOn = (program: 'redis-server' | 'valkey-server') => async (t: Test, limits: StoreLimits = {}) => {
  const redis = await startRedis(t, { ...DURABLE, user: RIGHTS }, program)
  const open = async () => {
    const store = await RedisStore.open({ dedupSeconds: 3600, ...limits, url: asUser(redis.port), timeoutMs: 20_000 })
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
}
