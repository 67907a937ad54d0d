import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { sortRows, type StateRow } from '../../../src/store/state-format.js'
import { losslessOutcome } from '../../certify.js'
import { admin } from '../../faults/redis-fleet.js'
import { build, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { contract } from '../contract.js'
import { asUser, RIGHTS, storeOn } from './redis-contract.js'

import t from 'tap'

t.test('Redis', async (t) => { contract(t, storeOn('redis-server'), { skip: withoutRedis }) })

t.test('the documented access rights suffice for the service', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, { ...DURABLE, user: RIGHTS })
  const replica = await startRedis(t, { replicaof: `127.0.0.1 ${redis.port}`, 'repl-diskless-sync-delay': '0' })
  const operator = admin(t, redis)
  await until('the replica is in sync', async () => /master_link_status:up/.test(await admin(t, replica).info('replication')))
  const { send } = await build(t, { REDIS_URL: `${asUser(redis.port)}/1`, REDIS_WAIT_REPLICAS: '1' })
  await until('the service is the learner', async () => (await send('GET', '/readyz')).body.learner.leader)
  t.same((await send('GET', '/readyz')).body.warnings, [])
  t.equal((await send('POST', '/v1/outcomes', losslessOutcome('a'))).status, 202)
  const { em: _, ...unlabelled } = losslessOutcome('b') as { em: number }
  t.equal((await send('POST', '/v1/outcomes', unlabelled)).status, 202)
  t.equal((await send('POST', '/v1/outcomes/b/label', { em: 1 })).status, 202)
  t.equal((await send('POST', '/v1/decisions', { generation_id: 'c', tokens: 32, confidence: 0.5 })).status, 200)
  t.equal((await send('PUT', '/v1/contexts/*/policy', { mode: 'off' })).status, 200)
  t.equal((await send('GET', '/v1/audit')).body.commands.length, 1)
  t.equal((await send('POST', '/v1/training-runs/r/checkpoints', { step: 1, suite: 's', em: 0.5, n: 100, tokens_mean: 10 })).status, 202)
  t.same(await operator.call('ACL', 'LOG'), [], 'nothing was refused')
  const store = await RedisStore.open({ url: asUser(redis.port), timeoutMs: 5000, answers: { generations: 1 } })
  t.teardown(() => store.close())
  const rows: StateRow[] = []
  for await (const row of store.exportRows()) rows.push(row)
  await store.importRows(sortRows(rows), true)
  t.same(await operator.call('ACL', 'LOG'), [], 'export and import were not refused either')
})
