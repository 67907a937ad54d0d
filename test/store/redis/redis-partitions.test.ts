import t from 'tap'
import type { RedisConnection } from '../../../src/store/redis/redis-connection.js'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { idsOf } from '../fixtures.js'

// Tests on real Clusters are in test/slow: store/redis and faults.

/** A Cluster in memory: `homes` has the node of each partition, and `dead` those that do not answer. */
function clusterOf (homes: string[], dead = new Set<string>()) {
  const made: string[] = []
  const closed: string[] = []
  const connect = ({ host, port }: { host: string, port: number }) => {
    const name = `${host}:${port}`
    made.push(name)
    const isReady = () => !dead.has(name)
    return { name, attempted: async () => {}, isReady, close: () => { closed.push(name) } } as unknown as RedisConnection
  }
  const seeds = [{ host: 'a', port: 1 }, { host: 'b', port: 2 }]
  const partitions = new RedisPartitions({ main: {} as never, count: homes.length, connect, seeds })
  /** Asks for a partition. @returns the node that answers */
  const ask = (partition: number) => partitions.at(partition, async (node) => {
    const { name } = node as unknown as { name: string }
    if (dead.has(name)) throw new StoreUnavailableError('no answer')
    if (homes[partition] !== name) throw new StoreUnavailableError('moved', { cause: new Error(`MOVED ${partition} ${homes[partition]!}`) })
    return name
  })
  return { partitions, ask, made, closed }
}

t.test('each partition is found, and asked for at its node from then on', async (t) => {
  const { ask, made } = clusterOf(['a:1', 'b:2', 'c:3', 'c:3'])
  for (let round = 0; round < 2; round++) t.same(await Promise.all([0, 1, 2, 3].map(ask)), ['a:1', 'b:2', 'c:3', 'c:3'])
  t.same(made.sort(), ['a:1', 'b:2', 'c:3'], 'one connection to each node')
})

t.test('after a failover the new node is found through another one, and the dead one is forgotten', async (t) => {
  const homes = ['a:1', 'b:2']
  const dead = new Set<string>()
  const { partitions, ask, closed } = clusterOf(homes, dead)
  await Promise.all([0, 1].map(ask))
  dead.add('b:2')
  await t.rejects(ask(1), { message: 'no answer' })
  t.equal(partitions.isUp(), false)
  t.match(partitions.warnings(), [/^1 of 2 partitions of the Cluster cannot be reached.*no answer/])
  homes[1] = 'c:3'
  t.equal(await ask(1), 'c:3')
  t.equal(partitions.isUp(), true)
  t.same(partitions.warnings(), [])
  t.same(closed, ['b:2'])
})

t.test('nodes that send each other a command end in an error', async (t) => {
  const { partitions } = clusterOf(['a:1'])
  let asked = 0
  await t.rejects(partitions.at(0, async () => {
    throw new StoreUnavailableError('moved', { cause: new Error(`MOVED 1 ${++asked % 2 === 0 ? 'a:1' : 'b:2'}`) })
  }), { message: 'moved' })
  t.equal(asked, 5)
})

t.test('ids are spread over the partitions, and keep their order in each', async (t) => {
  const { partitions } = clusterOf(new Array(64).fill('a:1'))
  const groups = partitions.group(idsOf('g', 6400))
  t.equal(groups.size, 64)
  for (const [partition, group] of groups) {
    if (group.length < 50 || group.length > 160) t.fail(`partition ${partition} has ${group.length} of 6400`)
    t.same(group, group.toSorted((a, b) => a - b))
  }
})

t.test('a closed Cluster is asked nothing', async (t) => {
  const { partitions, ask } = clusterOf(['a:1'])
  partitions.close()
  await t.rejects(ask(0), { name: 'StoreUnavailableError' })
})
