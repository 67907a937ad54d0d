import fc from 'fast-check'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { Appended } from '../../../src/store/log.js'
import { RedisConnection } from '../../../src/store/redis/redis-connection.js'
import { KEYS, RECENT, rememberedKey } from '../../../src/store/redis/redis-keys.js'
import { RedisLog } from '../../../src/store/redis/redis-log.js'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { RememberedIds } from '../../../src/store/redis/redis-remembered.js'
import { RedisReplicas } from '../../../src/store/redis/redis-replicas.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { until } from '../../helper.js'
import { startRedis, withoutRedis } from '../../redis-server.js'
import { idsIn, idsOf, label, outcomes, unlabelled } from '../fixtures.js'

// Ids move from the log's node to those of their partitions. Here one server has all of them, and the tests decide what happens when: an
// append or a mover stops between any two of its requests, requests arrive late, and servers lose their last writes in a failover.

const PARTITIONS = 4
const LIMITS = { dedupSeconds: 3600, maxLogEntries: 1_000_000 }
const skip = withoutRedis

/** A request that waits until it is let through, or is lost: before it arrives, or after it, so that only its reply is lost. */
interface Held { readonly release: () => void, readonly lose: (isAfter: boolean) => Promise<void> }

type Gate = (send: () => Promise<unknown>) => Promise<unknown>

/** One process that appends and moves ids. Its requests pass `gate`. */
function replicaOf (url: string, connection: RedisConnection, serverId: () => string, gate: Gate, bucketMs = 0) {
  const script: RedisConnection['script'] = (name, keys, args) => gate(() => connection.script(name, keys, args))
  const run: RedisConnection['run'] = async (command) => await gate(() => connection.run(command)) as never
  const main = { script, run, server: async () => serverId(), redis: connection.redis } as unknown as RedisConnection
  const replicas = new RedisReplicas(url, 0, 5000)
  const partitions = () => new RedisPartitions({ main, count: PARTITIONS, connect: null, seeds: [] })
  const remembered = new RememberedIds({ main, partitions: partitions(), movers: partitions(), replicas, dedupMs: 3_600_000, bucketMs })
  return { remembered, log: new RedisLog({ main, reader: connection, replicas, remembered, limits: LIMITS, timeoutMs: 5000 }) }
}

async function world (t: Test) {
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

t.test('an outcome and its label count once, whatever is late, lost or repeated', { skip }, async (t) => {
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
  }), { seed: 20_240_601, numRuns: Number(process.env.DRAWS ?? 150) })
  t.pass('holds')
})

t.test('an id is moved again if its partition fails over while it is moved', { skip }, async (t) => {
  const { url, redis, connection } = await world(t)
  const partitions = new RedisPartitions({ main: connection, count: PARTITIONS, connect: null, seeds: [] })
  const tag = partitions.tags[partitions.of('a')]!
  let epoch = 0
  let fails = false
  const { remembered, log } = replicaOf(url, connection, () => `server ${epoch}`, async (send) => {
    const reply = await send()
    const [key] = await redis.keys(`{${tag}}:seen:*`)
    if (fails && key !== undefined) {
      fails = false
      epoch++
      await redis.del(key)
    }
    return reply
  })
  for (let turn = 0; turn < 2; turn++) await remembered.move()
  t.same(await log.append(outcomes('a')), ['accepted'])
  fails = true
  for (let turn = 0; turn < 8; turn++) await remembered.move()
  t.equal(epoch, 1, 'it has failed over')
  t.ok(Number.parseInt((await redis.get(KEYS.recentAt))!) > 4, 'no bucket has the id any more')
  t.same(await log.append(outcomes('a')), ['duplicate'])
})

t.test('a learner that has just taken over moves no ids that arrived a moment ago', { skip }, async (t) => {
  const { url, redis, connection } = await world(t)
  const { remembered, log } = replicaOf(url, connection, () => '', (send) => send())
  await log.append(outcomes('a'))
  for (let turn = 0; turn < 2; turn++) await remembered.move()
  t.match(await redis.get(KEYS.recentAt), /^1 /, 'the bucket of the id has just stopped taking ids')
  const { remembered: next } = replicaOf(url, connection, () => '', (send) => send(), 60_000)
  const inMs = await next.move()
  t.ok(inMs > 50_000 && inMs <= 60_000, `${inMs} ms until the next turn`)
  t.same(await redis.keys('{stopgate:*}:seen:*'), [])
})

t.test('values of ids are those of the imported state, also where nothing is appended', { skip }, async (t) => {
  const { url, redis, connection } = await world(t)
  const { remembered, log } = replicaOf(url, connection, () => '', (send) => send())
  await log.append(outcomes('a'))
  t.same(await remembered.values(['b']), [null])
  await redis.set(KEYS.stateId, 'imported-state')
  const partitions = new RedisPartitions({ main: connection, count: PARTITIONS, connect: null, seeds: [] })
  await redis.set(rememberedKey(partitions.tags[partitions.of('b')]!, 'imported', 'b'), '5 0 1')
  t.same(await remembered.values(['b']), ['5 0 1'])
})

t.test('an export finds all ids, even if their bucket is dropped while it is read', { skip }, async (t) => {
  const { url, redis, connection } = await world(t)
  const { remembered, log } = replicaOf(url, connection, () => '', (send) => send())
  const ids = idsOf('id', 5000)
  await log.append(outcomes(...ids))
  let requests = 0
  const { remembered: reader } = replicaOf(url, connection, () => '', async (send) => {
    if (++requests === 2) for (let turn = 0; turn < 4; turn++) await remembered.move()
    return send()
  })
  const found: string[] = []
  for await (const [id] of reader.all((await redis.get(KEYS.stateId))!)) found.push(id)
  t.match(await redis.get(KEYS.recentAt), /^3 /, 'the bucket was dropped')
  t.same(found.sort(), ids.toSorted())
})

t.test('an export ends in an error if an import replaces the state meanwhile', { skip }, async (t) => {
  const { url, redis, connection } = await world(t)
  const { remembered, log } = replicaOf(url, connection, () => '', (send) => send())
  await log.append(outcomes('a'))
  const ids = remembered.all((await redis.get(KEYS.stateId))!)
  await redis.set(KEYS.stateId, 'imported-state')
  await t.rejects(ids[Symbol.asyncIterator]().next(), { name: 'StoreUnavailableError', message: /replaced/ })
})

/** An append of `b` whose request arrives after `during`, although it read the partitions before. */
async function appendAround (t: Test, before: number, during: (replica: ReturnType<typeof replicaOf>) => Promise<void>) {
  const { url, connection } = await world(t)
  const replica = replicaOf(url, connection, () => '', (send) => send())
  if (before > 0) t.same(await replica.log.append(outcomes('b')), ['accepted'])
  for (let turn = 0; turn < before; turn++) await replica.remembered.move()
  let requests = 0
  let release = () => {}
  const slow = replicaOf(url, connection, () => '', async (send) => {
    if (++requests === 5) await new Promise<void>((resolve) => { release = resolve }) // after the fence, and two requests of each append
    return send()
  })
  t.same(await slow.log.append(outcomes('a')), ['accepted'])
  const waiting = slow.log.append(outcomes('b'))
  await until('it is about to append', () => requests === 5)
  await during(replica)
  release()
  t.same(await waiting, ['duplicate'])
  t.same(idsIn(await replica.log.read('0-0', 10, 0)).sort(), ['a', 'b'])
  return requests
}

t.test('an append that read the partitions too long ago reads them again', { skip }, async (t) => {
  t.equal(await appendAround(t, 0, async (replica) => {
    t.same(await replica.log.append(outcomes('b')), ['accepted'])
    for (let turn = 0; turn < 4; turn++) await replica.remembered.move() // no bucket has it any more
  }), 7, 'two requests more')
})

t.test('an append that read the partitions just before an id was moved finds it in a bucket', { skip }, async (t) => {
  await appendAround(t, 2, async (replica) => { await replica.remembered.move() })
})

t.test('it is a warning if ids cannot be moved for a minute', { skip }, async (t) => {
  const { url, connection } = await world(t)
  let isBroken = false
  const { remembered, log } = replicaOf(url, connection, () => '', (send) => isBroken ? Promise.reject(new Error('broken')) : send())
  await log.append(outcomes('a'))
  const inAMinute = () => performance.now() + 60_001
  isBroken = true
  remembered.due()
  await until('it has failed', () => remembered.warnings(inAMinute()).length > 0)
  t.same(remembered.warnings(), [], 'a failover is none')
  t.match(remembered.warnings(inAMinute()), [/cannot be moved.*broken/])
  isBroken = false
  await until('it has succeeded', () => { remembered.due(); return remembered.warnings(inAMinute()).length === 0 })
})
