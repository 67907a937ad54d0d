import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { RedisStore } from '../../src/store/redis-store.js'
import { losslessOutcome } from '../certify.js'
import { admin } from '../faults/redis-fleet.js'
import { build, until } from '../helper.js'
import { sortRows, type StateRow } from '../../src/store/state-row.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { contract, type GroundOptions } from './contract.js'
import { commitOf, idsOf, pendingOf, sampleOf, state } from './fixtures.js'
import { storeAndRedis } from './redis-ground.js'

/** What README gives a user of Redis, and no more. */
const RIGHTS = /ACL SETUSER (stopgate on >PASSWORD .*)/.exec(readFileSync('README.md', 'utf8'))![1]!
const asUser = (port: number) => `redis://stopgate:PASSWORD@127.0.0.1:${port}`

contract(t, async (t: Test, limits: GroundOptions = {}) => {
  const redis = await startRedis(t, { ...DURABLE, user: RIGHTS })
  const open = async () => {
    const store = await RedisStore.open({ dedupSeconds: 3600, ...limits, url: asUser(redis.port), timeoutMs: 5000 })
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

t.test('all that the service does is within these rights', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, { ...DURABLE, user: RIGHTS })
  const replica = await startRedis(t, { replicaof: `127.0.0.1 ${redis.port}`, 'repl-diskless-sync-delay': '0' })
  const operator = admin(t, redis)
  await until('the replica has all', async () => /master_link_status:up/.test(await admin(t, replica).info('replication')))
  const { send } = await build(t, { REDIS_URL: `${asUser(redis.port)}/1`, REDIS_WAIT_REPLICAS: '1', LABEL_WAIT_SECONDS: '60' })
  await until('it learns', async () => (await send('GET', '/readyz')).body.learner.leader)
  t.same((await send('GET', '/readyz')).body.warnings, [])
  t.equal((await send('POST', '/v1/outcomes', losslessOutcome('a'))).status, 202)
  const { em: _, ...waits } = losslessOutcome('b') as { em: number }
  t.equal((await send('POST', '/v1/outcomes', waits)).status, 202)
  t.equal((await send('POST', '/v1/outcomes/b/label', { em: 1 })).status, 202)
  t.equal((await send('POST', '/v1/decisions', { generation_id: 'c', tokens: 32, confidence: 0.5 })).status, 200)
  t.equal((await send('PUT', '/v1/contexts/*/policy', { mode: 'shadow' })).status, 200)
  t.equal((await send('GET', '/v1/audit')).body.commands.length, 1)
  t.equal((await send('POST', '/v1/training-runs/r/checkpoints', { step: 1, suite: 's', em: 0.5, n: 100, tokens_mean: 10 })).status, 202)
  t.same(await operator.call('ACL', 'LOG'), [], 'nothing was refused')
  const store = await RedisStore.open({ url: asUser(redis.port), timeoutMs: 5000, records: { generations: 1 } })
  t.teardown(() => store.close())
  const rows: StateRow[] = []
  for await (const row of store.exportRows()) rows.push(row)
  await store.importRows(sortRows(rows), true)
  t.same(await operator.call('ACL', 'LOG'), [], 'nothing was refused')
})

t.test('what was learned of many contexts is read and written however long that takes', { skip: withoutRedis }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  const token = (await store.acquireLease('a', 60_000))!
  const names = idsOf('model=m', 3000)
  const long = { ...state(1), fed_by: { ['x'.repeat(5000)]: 1 } } // 15 MB of them
  const contexts = new Map(names.map((key, i) => [key, { ...long, generations: i }]))
  const pending = new Map(names.map((id, i) => [id, pendingOf(id, i)]))
  const reservoir = new Map(names.map((_, i) => [i, sampleOf(i / 3000)]))
  await store.commit(commitOf(token, { to: '5-0', contexts, pending, reservoir }))
  await redis.config('RESETSTAT')
  const learned = await store.learned()
  t.equal(learned.cursor, '5-0')
  t.same([...learned.contexts].map(([key, { generations }]) => [key, generations]).sort(), names.map((key, i) => [key, i]).sort())
  t.same(learned.pending.map(({ outcome }) => outcome.generation_id).sort(), [...names].sort())
  t.same(learned.reservoir.map(([number]) => number).sort((a, b) => a - b), names.map((_, i) => i))
  t.notMatch(await redis.info('commandstats'), 'hgetall', 'in parts')
  const clients = String(await redis.client('LIST')).match(/name=stopgate/g)!.length
  t.equal(clients, 4, 'the commit had a connection of its own')
})
