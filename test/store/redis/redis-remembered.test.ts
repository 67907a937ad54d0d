import t, { type Test } from 'tap'
import { KEYS, rememberedKey } from '../../../src/store/redis/redis-keys.js'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { driveClock } from '../../clock.js'
import { until } from '../../helper.js'
import { withoutRedis } from '../../redis-server.js'
import { idsIn, idsOf, outcomes } from '../fixtures.js'
import { countsOnce, PARTITIONS, replicaOf, world } from './remembered-world.js'

const skip = withoutRedis

// test/slow draws more
t.test('an outcome and its label count once, whatever is late, lost or repeated', { skip }, async (t) => { await countsOnce(t, 25) })

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
  const clock = driveClock(t)
  let isBroken = false
  const { remembered, log } = replicaOf(url, connection, () => '', (send) => isBroken ? Promise.reject(new Error('broken')) : send())
  await log.append(outcomes('a'))
  isBroken = true
  remembered.due()
  await clock.advance(59_999)
  t.same(remembered.warnings(), [], 'a failover is none')
  await clock.advance(1)
  t.match(remembered.warnings(), [/cannot be moved.*broken/])
  isBroken = false
  await until('it has succeeded', () => { remembered.due(); return remembered.warnings().length === 0 })
})
