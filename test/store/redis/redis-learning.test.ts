import t from 'tap'
import { storeCohort } from '../../../src/core/evidence/cohorts.js'
import { withoutRedis } from '../../redis-server.js'
import { cohortOf, commitOf, idsOf, pendingOf, sampleOf, state } from '../fixtures.js'
import { storeAndRedis } from '../redis-storage.js'
import { changed } from '../../changed-state.js'

// contract.ts tests the laws. These tests are about what only this implementation can get wrong.

t.test('the state of many contexts is read and written even if it takes longer than a command may', { skip: withoutRedis }, async (t) => {
  const { store, redis } = await storeAndRedis(t)
  const token = (await store.acquireLease('a', 60_000))!
  const names = idsOf('model=m', 3000)
  const long = changed(state(1), { reports: { fed_by: { ['x'.repeat(5000)]: 1 } } }) // 15 MB in all
  const contexts = new Map(names.map((key, i) => [key, changed(long, { reports: { generations: i } })]))
  const pending = new Map(names.map((id, i) => [id, pendingOf(id, i / 3000)]))
  const cohorts = new Map(names.slice(0, 40).map((key) => [key, storeCohort(cohortOf(key))]))
  const reservoir = new Map(names.map((_, i) => [i, sampleOf(i / 3000)]))
  await store.commit(commitOf(token, { to: '5-0', contexts, pending, cohorts, reservoir }))
  await redis.config('RESETSTAT')
  const learned = await store.learned()
  t.equal(learned.cursor, '5-0')
  t.same([...learned.contexts].map(([key, { reports }]) => [key, reports.generations]).sort(), names.map((key, i) => [key, i]).sort())
  t.same(learned.pending.map(({ outcome }) => outcome.generation_id).sort(), [...names].sort())
  t.same([...learned.cohorts].sort(), [...cohorts].sort())
  t.same(learned.reservoir.map(([number]) => number).sort((a, b) => a - b), names.map((_, i) => i))
  t.notMatch(await redis.info('commandstats'), 'hgetall', 'in parts')
  const clients = String(await redis.client('LIST')).match(/name=stopgate/g)!.length
  t.equal(clients, 4, 'a large commit uses a connection of its own')
})
