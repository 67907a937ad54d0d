import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { KEYS } from '../../src/store/redis-scripts.js'
import { RedisStore } from '../../src/store/redis-store.js'
import { startRedis, withoutRedis } from '../redis-server.js'
import {
  change, commitOf, LEDGER, outcome, pendingOf, pinEntry, predictorEntry, sampleOf, state, TICK, trainingWriteOf, versionOf,
} from './fixtures.js'

const skip = withoutRedis

async function storeAndRedis (t: Test) {
  const { url } = await startRedis(t)
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs: 5000 })
  const redis = new Redis(url)
  t.teardown(() => { redis.disconnect() })
  t.teardown(() => store.close())
  return { store, redis }
}

async function useAll (store: RedisStore): Promise<void> {
  await store.append([outcome('a'), pinEntry('*', 0.5), { type: 'policy', key: '*', policy: {}, by: 'ops' }, predictorEntry('p', versionOf('p', 1)), TICK])
  const token = (await store.acquireLease('a', 10_000))!
  await store.revision()
  const [first] = await store.read('0-0', 1, 0)
  await store.commit(commitOf(token, {
    to: first!.cursor,
    contexts: new Map([['*', state(1)], ['gone', undefined]]),
    pending: new Map([['a', pendingOf('a', 0)], ['b', undefined]]),
    reservoir: new Map([[3, sampleOf(0.5)], [2, undefined]]),
    ledger: LEDGER,
    decisive: ['*'],
    changes: [change(1)],
  }))
  await store.writeTraining(trainingWriteOf('r', (await store.trainingRun('r'))?.revision ?? null))
  await store.learned()
  await store.renewLease(token, 10_000)
}

t.test('every key is under the hash tag, by the names that the design gives', { skip }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  await useAll(store)
  const names = [
    'audit', 'changed', 'contexts', 'cursor', 'format', 'history', 'lease', 'lease_token', 'ledger', 'log', 'pending', 'pins', 'policies', 'policy_version',
    'predictors', 'predictors_at', 'reservoir', 'salt', 'seen:a',
    'state_id', 'training_runs', 'training_series', 'version',
  ]
  t.same((await redis.keys('*')).sort(), names.map((name) => `{stopgate}:${name}`))
  const ttl = await redis.ttl('{stopgate}:seen:a')
  t.ok(ttl > 3590 && ttl <= 3600, 'only the ids expire')
  const others: string[] = [KEYS.lease, KEYS.records, KEYS.recordBytes, KEYS.written] // these expire, and nobody waits for replicas here
  for (const key of Object.values(KEYS)) if (!others.includes(key)) t.equal(await redis.ttl(key), -1, key)
})

t.test('predictors are read anew where one was written, by a version of before too, and not with every policy', { skip }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  const policy = { type: 'policy', key: '*', policy: {}, by: 'ops' } as const
  await store.append([predictorEntry('p', versionOf('p', 1))])
  const first = (await store.predictors()).get('p')
  await store.append([policy])
  t.equal((await store.predictors()).get('p'), first, 'the very same object')
  const older = async (name: string) => {
    await redis.hset(KEYS.predictors, name, JSON.stringify(versionOf(name, 2)))
    await redis.set(KEYS.policyVersion, await redis.incr(KEYS.version))
  }
  await older('q')
  t.same([...(await store.predictors()).keys()], ['p', 'q'])
  await store.append([policy])
  t.same([...(await store.predictors()).keys()], ['p', 'q'])
  const next = (await store.predictors()).get('p')
  await store.append([policy])
  t.equal((await store.predictors()).get('p'), next)
  await older('r')
  await store.append([policy])
  t.same([...(await store.predictors()).keys()], ['p', 'q', 'r'], 'though nobody has looked in between')
  await store.append([predictorEntry('q', null)])
  t.same([...(await store.predictors()).keys()], ['p', 'r'])
})

t.test('scripts that Redis has forgotten are sent again', { skip }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  for (let i = 0; i < 2; i++) {
    await useAll(store).catch((error: Error) => { if (error.name !== 'LeaseLostError') throw error }) // the cursor has moved the second time
    await redis.script('FLUSH')
  }
  t.same(await Promise.all(['b', 'b', 'c'].map(async (id) => (await store.append([outcome(id)]))[0])), ['accepted', 'duplicate', 'accepted'])
})

t.test('a holder is told from another by its whole name', { skip }, async (t) => {
  const { store } = await storeAndRedis(t)
  await store.acquireLease('worker 1', 10_000)
  t.equal(await store.acquireLease('1', 10_000), null)
  t.equal(await store.acquireLease('worker', 10_000), null)
  t.type(await store.acquireLease('worker 1', 10_000), 'number')
})
