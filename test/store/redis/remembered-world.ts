import fc from 'fast-check'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import type { Appended } from '../../../src/store/log.js'
import { RedisConnection } from '../../../src/store/redis/redis-connection.js'
import { KEYS, RECENT, rememberedKey } from '../../../src/store/redis/redis-keys.js'
import { RedisLog } from '../../../src/store/redis/redis-log.js'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { RememberedIds } from '../../../src/store/redis/redis-remembered.js'
import { RedisReplicas } from '../../../src/store/redis/redis-replicas.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { startRedis } from '../../redis-server.js'
import { idsOf, label, unlabelled } from '../fixtures.js'

// Ids move from the log's node to those of their partitions. Here one server has all of them, and the tests decide what happens when: an
// append or a mover stops between any two of its requests, requests arrive late, and servers lose their last writes in a failover.

export const PARTITIONS = 4
const LIMITS = { dedupSeconds: 3600, maxLogEntries: 1_000_000 }

/** A request that waits until it is let through, or is lost: before it arrives, or after it, so that only its reply is lost. */
interface Held { readonly release: () => void, readonly lose: (isAfter: boolean) => Promise<void> }

type Gate = (send: () => Promise<unknown>) => Promise<unknown>

/** One process that appends and moves ids. Its requests pass `gate`. */
export function replicaOf (url: string, connection: RedisConnection, serverId: () => string, gate: Gate, bucketMs = 0) {
  const script: RedisConnection['script'] = (name, keys, args) => gate(() => connection.script(name, keys, args))
  const run: RedisConnection['run'] = async (command) => await gate(() => connection.run(command)) as never
  const main = { script, run, server: async () => serverId(), redis: connection.redis } as unknown as RedisConnection
  const replicas = new RedisReplicas(url, 0, 5000)
  const partitions = () => new RedisPartitions({ main, count: PARTITIONS, connect: null, seeds: [] })
  const remembered = new RememberedIds({ main, partitions: partitions(), movers: partitions(), replicas, dedupMs: 3_600_000, bucketMs })
  return { remembered, log: new RedisLog({ main, reader: connection, replicas, remembered, limits: LIMITS, timeoutMs: 5000 }) }
}

export async function world (t: Test) {
  const { url } = await startRedis(t)
  const redis = new Redis(url)
  const connection = new RedisConnection(url, 5000)
  await connection.attempted()
  t.teardown(() => { redis.disconnect() })
  t.teardown(() => { connection.close() })
  return { url, redis, connection }
}

/** What happens: each process sends or loses the requests that it holds, or starts something. */
const anyEvent = fc.oneof(
  fc.record({ what: fc.constant('append' as const), who: fc.nat(1), ids: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }) }),
  fc.record({ what: fc.constant('label' as const), who: fc.nat(1), ids: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }) }),
  fc.record({ what: fc.constant('move' as const), who: fc.nat(1) }),
  fc.record({ what: fc.constant('moveAll' as const), who: fc.nat(1) }),
  fc.record({ what: fc.constant('release' as const), count: fc.integer({ min: 1, max: 6 }), at: fc.nat(10) }),
  fc.record({ what: fc.constant('lose' as const), at: fc.nat(10), isAfter: fc.boolean() }),
  fc.record({ what: fc.constant('partitionFails' as const), partition: fc.nat(PARTITIONS - 1) })
)

/** Asserts that an outcome and its label count once, in so many draws of what is late, lost and repeated. */
export async function countsOnce (t: Test, numRuns: number): Promise<void> {
  const { url, redis, connection } = await world(t)
  await fc.assert(fc.asyncProperty(fc.array(anyEvent, { minLength: 10, maxLength: 60 }), async (events) => {
    await redis.flushall()
    const held: Held[] = []
    const working = new Set<Promise<unknown>>()
    const accepted = { outcome: new Map<string, number>(), label: new Map<string, number>() }
    let epoch = 0
    const processes = [0, 1].map(() => replicaOf(url, connection, () => `server ${epoch}`, (send) => new Promise((resolve, reject) => {
      held.push({
        release: () => { send().then(resolve, reject) },
        async lose (isAfter) {
          if (isAfter) await send().catch(() => {})
          reject(new StoreUnavailableError('lost'))
        },
      })
    })))
    const settle = async () => { for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve)); await redis.ping() }
    const start = (work: Promise<unknown>) => {
      const guarded = work
        .catch((error: unknown) => { if (!(error instanceof StoreUnavailableError)) throw error })
        .finally(() => { working.delete(guarded) })
      working.add(guarded)
    }
    const append = async (who: number, kind: 'outcome' | 'label', ids: readonly string[]) => {
      const results: Appended[] = await processes[who]!.log.append(ids.map((id) => kind === 'label' ? label(id) : unlabelled(id)))
      for (const [i, id] of ids.entries()) if (results[i] === 'accepted') accepted[kind].set(id, (accepted[kind].get(id) ?? 0) + 1)
    }
    const drain = async () => {
      while (held.length > 0 || working.size > 0) { for (const one of held.splice(0)) one.release(); await settle() }
    }
    for (const event of events) {
      switch (event.what) {
        case 'append': start(append(event.who, 'outcome', event.ids.map(String))); break
        case 'label': start(append(event.who, 'label', event.ids.map(String))); break
        case 'move': start(processes[event.who]!.remembered.move()); break
        case 'moveAll':
          await drain()
          start(processes[event.who]!.remembered.move())
          await drain()
          break
        case 'release':
          for (let i = 0; i < event.count && held.length > 0; i++) { held.splice(event.at % held.length, 1)[0]!.release(); await settle() }
          break
        case 'lose': if (held.length > 0) await held.splice(event.at % held.length, 1)[0]!.lose(event.isAfter); break
        case 'partitionFails': {
          // A failover takes the last writes: those for the buckets that are kept. Earlier ones have reached its replica long ago.
          const bucket = Number(/^\d+/.exec(await redis.get(KEYS.recentAt) ?? '0')![0])
          const state = (await redis.get(KEYS.stateId))?.slice(0, 8) ?? ''
          const partitions = new RedisPartitions({ main: connection, count: PARTITIONS, connect: null, seeds: [] })
          const inBuckets = await Promise.all([bucket - 1, bucket - 2].map((number) => redis.hkeys(RECENT[(number + 3) % 3]!)))
          const ids = inBuckets.flat().filter((id) => partitions.of(id) === event.partition)
          const lost = ids.map((id) => rememberedKey(partitions.tags[event.partition]!, state, id))
          if (lost.length > 0) await redis.del(lost)
          epoch++
          break
        }
      }
      await settle()
    }
    await drain()
    for (const id of idsOf('', 6).map((id) => id.slice(1))) { // all are sent until a reply comes, and once more
      for (const who of [0, 1]) {
        start(append(who, 'outcome', [id]))
        await drain()
        start(append(who, 'label', [id]))
        await drain()
        start(processes[who]!.remembered.move())
        await drain()
      }
    }
    const names = (await redis.xrange(KEYS.log, '-', '+')).map(([, [, entry]]) => JSON.parse(entry!) as { type: string, generation_id: string })
    for (const kind of ['outcome', 'label'] as const) {
      const ids = names.filter(({ type }) => type === kind).map(({ generation_id: id }) => id)
      if (new Set(ids).size !== ids.length) throw new Error(`${kind} twice in the log: ${ids.join()}`)
      if (ids.length !== 6) throw new Error(`${ids.length} ${kind}s in the log`)
      for (const [id, times] of accepted[kind]) if (times > 1) throw new Error(`${kind} ${id} was accepted ${times} times`)
    }
  }), { seed: 20_240_601, numRuns })
  t.pass(`holds for ${numRuns} draws`)
}
