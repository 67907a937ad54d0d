import t, { type Test } from 'tap'
import { RedisStore } from '../../../../src/store/redis/redis-store.js'
import { startWholeCluster } from '../../../faults/redis-cluster.js'
import { until } from '../../../helper.js'
import { DURABLE, withoutRedis } from '../../../redis-server.js'
import { contract, type StoreLimits } from '../../../store/contract.js'
import { RIGHTS } from '../../../store/redis/redis-contract.js'

// The laws of the store, on a Cluster whose keys are on three nodes.

t.test('a Cluster', { skip: withoutRedis }, async (t) => {
  const { url, clients, homeOf } = await startWholeCluster(t, { ...DURABLE, 'cluster-node-timeout': '5000', user: RIGHTS }, 0)

  contract(t, async (t: Test, limits: StoreLimits = {}) => {
    await Promise.all(clients.map((client) => client.flushall()))
    const hasLimits = limits.events !== undefined || limits.answers !== undefined
    const open = async () => {
      // Each partition has its part of the limits, so tests of the limits have a single one.
      const store = await RedisStore.open({
        dedupSeconds: 3600, ...limits, url: url.replace('//', '//stopgate:PASSWORD@'), timeoutMs: 20_000, bucketMs: 0, ...(hasLimits && { partitions: 1 }),
      })
      t.teardown(() => store.close())
      const works = (call: Promise<unknown>) => call.then(() => true, () => false)
      await until('it has found the log', async () => await works(store.revision()) && await works(store.read('9999999999999-0', 1, 0)))
      return store
    }
    const [store, other] = await Promise.all([open(), open()])
    return {
      store,
      other,
      async crash () {
        const server = await homeOf('{stopgate}:log')
        await server.stop('SIGKILL')
        await server.start()
        await until('the Cluster is whole', async () => (await Promise.all(clients.map((client) => client.cluster('INFO').catch(() => ''))))
          .every((info) => /cluster_state:ok/.test(String(info))))
        return open()
      },
    }
  })
})
