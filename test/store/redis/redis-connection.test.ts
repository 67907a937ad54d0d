import { once } from 'node:events'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { driveClock, type DrivenClock } from '../../clock.js'
import { until } from '../../helper.js'
import { DURABLE, freePort, startRedis, withoutRedis, type RedisServer, type RedisSettings } from '../../redis-server.js'
import { commitOf, contentOf, failuresOf, idsIn, outcome, pinEntry, TICK } from '../fixtures.js'

import t, { type Test } from 'tap'

const UNAVAILABLE = { name: 'StoreUnavailableError' }
const skip = withoutRedis

async function open (t: Test, url: string, timeoutMs = 60_000): Promise<RedisStore> {
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs })
  t.teardown(() => store.close())
  return store
}

/** Opens the store of a server that accepts connections and does not answer. */
async function openSilent (t: Test, clock: DrivenClock, url: string, timeoutMs: number): Promise<RedisStore> {
  const opening = open(t, url, timeoutMs)
  let isOpen = false
  opening.then(() => { isOpen = true }, () => {})
  await moveUntil(clock, 'it is open', () => isOpen)
  return await opening
}

/** A client for commands that an operator would send. */
function admin (t: Test, { url }: RedisServer): Redis {
  const redis = new Redis(url)
  t.teardown(() => { redis.disconnect() })
  return redis
}

/** Checks that every operation fails when the clock has moved by so much: at once where it stands still. */
async function isDown (t: Test, store: RedisStore, clock: DrivenClock, afterMs = 0): Promise<void> {
  const failing = Promise.all([
    failuresOf(store).then((failures) => { t.same(new Set(failures), new Set(['StoreUnavailableError'])) }),
    t.rejects(store.read('0-0', 1, 10_000), UNAVAILABLE),
    t.rejects(store.warnings(), UNAVAILABLE),
  ])
  if (afterMs > 0) await clock.advance(afterMs, 100)
  await failing
  t.equal(store.isUp(), false)
}

/** Waits until a condition holds while the clock moves, for timers that lead to it. */
async function moveUntil<T> (clock: DrivenClock, what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  return await until(what, async () => {
    await clock.advance(50)
    return await condition()
  })
}

t.test('the connection recovers whenever Redis comes back, also when it was down at the start', { skip }, async (t) => {
  const clock = driveClock(t)
  const redis = await startRedis(t, DURABLE)
  await redis.stop()
  const store = await open(t, redis.url)
  let notices = 0
  store.onNotice(() => { notices++ })
  await isDown(t, store, clock)
  await t.rejects(store.append([TICK]), { message: /ECONNREFUSED/ }, 'the error has the cause')
  t.equal(notices, 0)
  for (const turn of [1, 2]) {
    await redis.start()
    await moveUntil(clock, 'it is back', () => notices > 0 && store.isUp())
    t.equal(store.isUp(), true)
    t.same(await store.append([outcome(`a-${turn}`)]), ['accepted'], 'at once')
    const waiting = store.read('0-0', 1, 60_000)
    t.equal((await waiting).length, 1)
    const hanging = store.read('9999999999999-0', 1, 60_000)
    hanging.catch(() => {})
    await redis.stop(turn === 1 ? 'SIGKILL' : 'SIGTERM')
    await t.rejects(hanging, UNAVAILABLE, 'a waiting read is rejected')
    await isDown(t, store, clock)
    notices = 0
  }
  await redis.start()
  await moveUntil(clock, 'notices are heard again', async () => {
    await store.append([pinEntry('*', 0.5)]).catch(() => {})
    return notices >= 3
  })
  t.same(idsIn(await store.read('0-0', 2, 0)), ['a-1', 'a-2'])
})

t.test('a hanging Redis costs one timeout, not one for each call', { skip }, async (t) => {
  const clock = driveClock(t)
  const redis = await startRedis(t)
  const store = await open(t, redis.url, 3000)
  await store.revision()
  let notices = 0
  redis.pause()
  await isDown(t, store, clock, 3000)
  await isDown(t, store, clock)
  await clock.advance(100)
  await isDown(t, store, clock)
  await t.rejects(store.append([TICK]), { message: /timed out/ })
  store.onNotice(() => { notices++ })
  redis.resume()
  await moveUntil(clock, 'it answers', () => notices > 0 && store.isUp())
  t.same(await store.append([outcome('a')]), ['accepted'])
  const last = (await store.read('0-0', 100, 0)).at(-1)!
  const waiting = store.read(last.cursor, 1, 60_000)
  waiting.catch(() => {})
  const client = admin(t, redis)
  for (let part = 0; part < 3; part++) {
    const id = await until('it waits', async () => /^id=(\d+) .* flags=b /m.exec(String(await client.client('LIST')))?.[1])
    await clock.advance(1400)
    await client.client('UNBLOCK', id) // as Redis does after half the timeout by its own clock
  }
  await store.append([outcome('b')])
  t.same(idsIn(await waiting), ['b'], 'a read may wait longer than the timeout of a command')
})

t.test('a Redis that hangs does not delay the start', { skip }, async (t) => {
  const clock = driveClock(t)
  const redis = await startRedis(t)
  redis.pause()
  const store = await openSilent(t, clock, redis.url, 300)
  await isDown(t, store, clock)
  redis.resume()
  await moveUntil(clock, 'it answers', () => store.append([TICK]).then(() => true, () => false))
})

t.test('a host that accepts connections and never answers times out', async (t) => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const clock = driveClock(t)
  await isDown(t, await openSilent(t, clock, `redis://127.0.0.1:${port}`, 200), clock)
})

t.test('a full Redis refuses whole calls, answers reads, and accepts writes again later', { skip }, async (t) => {
  const redis = await startRedis(t)
  const store = await open(t, redis.url)
  const token = (await store.acquireLease('a', 60_000))!
  await store.append([outcome('before'), pinEntry('*', 0.5)])
  const [first] = await store.read('0-0', 1, 0)
  await store.revision()
  const content = await contentOf(store)
  await admin(t, redis).config('SET', 'maxmemory', '1')
  await t.rejects(store.append([outcome('a'), { type: 'pin', key: '*', pin: null, by: 'ops', reason: 'done' }, outcome('b')]), { ...UNAVAILABLE, message: /OOM/ })
  await t.rejects(store.append([{ type: 'pin', key: '*', pin: null, by: 'ops', reason: 'done' }, outcome('a')]), UNAVAILABLE)
  const commit = commitOf(token, { to: first!.cursor, contexts: new Map([['*', undefined]]), decisive: ['*'] })
  await t.rejects(store.commit(commit), UNAVAILABLE)
  t.same(await contentOf(store), content, 'nothing of the refused calls was written')
  await admin(t, redis).config('SET', 'maxmemory', '0')
  t.same(await store.append([outcome('a')]), ['accepted'])
  await store.commit(commit)
})

t.test('a read-only replica is left, and found again when it becomes the master', { skip }, async (t) => {
  const redis = await startRedis(t)
  const store = await open(t, redis.url)
  await store.revision()
  await admin(t, redis).replicaof('127.0.0.1', String(await freePort()))
  await t.rejects(store.append([TICK]), { ...UNAVAILABLE, message: /READONLY/ })
  await admin(t, redis).replicaof('NO', 'ONE')
  await until('it writes', () => store.append([TICK]).then(() => true, () => false))
})

t.test('a wrong password is reported and does not crash', { skip }, async (t) => {
  const clock = driveClock(t)
  const redis = await startRedis(t, { requirepass: 'secret' })
  await isDown(t, await open(t, redis.url.replace('//', '//:wrong@')), clock)
  const store = await open(t, redis.url)
  await t.rejects(store.append([TICK]), { ...UNAVAILABLE, message: /NOAUTH/ })
  const error = await (await open(t, redis.url.replace('//', '//:wrong@'))).append([TICK]).catch((error: Error) => error) as Error
  t.match(error.message, /WRONGPASS/)
  t.notMatch(error.message, 'wrong@', 'the error does not contain the password')
  t.same(await (await open(t, redis.url.replace('//', '//:secret@'))).append([TICK]), ['accepted'])
})

t.test('an error reply of Redis does not count as an outage', { skip }, async (t) => {
  const redis = await startRedis(t)
  const store = await open(t, redis.url)
  await admin(t, redis).set('{stopgate}:log', 'not a log')
  const error = await store.append([TICK]).catch((error: unknown) => error) as Error
  t.match(error.message, /WRONGTYPE/)
  t.not(error.name, 'StoreUnavailableError')
})

t.test('a database other than 0 can be used', { skip }, async (t) => {
  const redis = await startRedis(t)
  const [zero, two] = await Promise.all([open(t, redis.url), open(t, `${redis.url}/2`)])
  await two.append([outcome('a')])
  t.equal((await zero.revision()).lag, 0)
  t.equal((await two.revision()).lag, 1)
})

t.test('in a Cluster the node that has our keys is found, also after they moved', { skip }, async (t) => {
  const settings: RedisSettings = { 'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no', 'cluster-port': '0' }
  const busPort = async () => ({ ...settings, 'cluster-port': String(await freePort()) })
  const [one, two] = await Promise.all([startRedis(t, await busPort()), startRedis(t, await busPort())])
  const slot = await admin(t, one).cluster('KEYSLOT', '{stopgate}')
  await admin(t, two).cluster('ADDSLOTS', slot)
  const [address, bus] = String(await admin(t, two).call('CLUSTER', 'MYID') && await admin(t, two).cluster('NODES')).split(' ')[1]!.split('@')
  await admin(t, one).call('CLUSTER', 'MEET', '127.0.0.1', address!.split(':')[1]!, bus!)
  await until('they know each other', async () => String(await admin(t, one).call('GET', '{stopgate}').catch((error: Error) => error.message)).includes('MOVED'))

  const store = await open(t, one.url)
  await until('it is led to the other node', () => store.append([outcome('a')]).then(() => true, () => false))
  t.same(await store.append([outcome('a')]), ['duplicate'])
  await until('reads that wait are too', () => store.read('0-0', 1, 1000).then(() => true, () => false))
  await two.stop('SIGTERM')
  await t.rejects(store.append([TICK]), UNAVAILABLE)
  await two.start()
  await until('it is led there again', () => store.append([TICK]).then(() => true, () => false))
})
