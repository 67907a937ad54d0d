import { storeCohort } from '../../src/core/evidence/cohorts.js'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { RedisStore } from '../../src/store/redis/redis-store.js'
import { startRedis } from '../redis-server.js'
import {
  change, cohortOf, commitOf, LEDGER, outcome, pendingOf, pinEntry, predictorEntry, sampleOf, state, sumsOf, TICK, traceOf, trainingWriteOf,
  versionOf,
} from './fixtures.js'

/** A store, and what an operator sees of it. */
export async function storeAndRedis (t: Test) {
  const { url } = await startRedis(t)
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs: 5000 })
  const redis = new Redis(url)
  t.teardown(() => { redis.disconnect() })
  t.teardown(() => store.close())
  return { store, redis }
}

/** Each script, and so each key. */
export async function useAll (store: RedisStore): Promise<void> {
  await store.append([outcome('a'), pinEntry('*', 0.5), { type: 'policy', key: '*', policy: {}, by: 'ops' }, predictorEntry('p', versionOf('p', 1)), TICK])
  const token = (await store.acquireLease('a', 10_000))!
  await store.revision()
  await store.announce('{}', 10_000)
  const [first] = await store.read('0-0', 1, 0)
  await store.commit(commitOf(token, {
    to: first!.cursor,
    contexts: new Map([['*', state(1)], ['gone', undefined]]),
    pending: new Map([['a', pendingOf('a')], ['b', undefined]]),
    cohorts: new Map([['*', storeCohort(cohortOf())]]),
    traces: new Map([['* 3', traceOf(100)]]),
    reservoir: new Map([[3, sampleOf(0.5)], [2, undefined]]),
    ledger: LEDGER,
    decisive: ['*'],
    changes: [change(1)],
    days: [{ day: 7, contexts: new Map([['*', sumsOf(1)]]) }],
  }))
  await store.stops.append(Uint8Array.of(1))
  await store.noteLoss({ kind: 'older', at: 1 })
  await store.trainingRuns.write(trainingWriteOf('r', (await store.trainingRuns.read('r'))?.revision ?? null))
  await store.learned()
  await store.renewLease(token, 10_000)
}
