import t from 'tap'
import type { ContextRow } from '../../../src/core/reports/context-row.js'
import { membersOf } from '../../../src/service/admin/contexts.js'
import { KEY, losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'

t.test('contexts are listed in pages', async (t) => {
  const { contexts, store, send } = await build(t)
  await send('POST', '/v1/outcomes', losslessOutcome('g'))
  await until('the outcome is learned', async () => (await store.contextKeys()).length === 3)
  const first = await contexts.list({ limit: 2 })
  t.same(first.contexts.map(({ key }) => key), ['*', 'model=q'])
  t.equal(first.next, 'model=q')
  t.match(await contexts.list({ limit: 2, after: first.next! }), { contexts: [{ key: KEY }], next: null })
})

t.test('a pool that a policy names is shown before its first outcome', async (t) => {
  const { contexts, contextCommands } = await build(t)
  await contextCommands.setPolicy('model=q', { certify_at: 'model' }, { by: 'ops', prefix: null, create: true })
  t.match(await contexts.get('model=q'), {
    status: 'learning', threshold: null, generations: { control: 0, control_share: 0.25 }, members: { total: 0 },
  })
  t.match(await contexts.whatIf('model=q', { max_em_drop: 0.05 }), { post_hoc: false, threshold: null })
  await t.rejects(contexts.get('model=r'), { code: 'CONTEXT_NOT_FOUND' })
})

t.test('a context that has no state is not found', async (t) => {
  const { contexts } = await build(t)
  await t.rejects(contexts.get('model=new'), { code: 'CONTEXT_NOT_FOUND' })
})

const MEMBER = { key: 'model=q', left_at: null, first_generations_left: null }

const rowOf = (key: string, fields: Partial<ContextRow> = {}) => ({
  key,
  pool: MEMBER,
  threshold: 0.9,
  control_generations: 100,
  em_drop: 0,
  em_drop_low: -0.1,
  em_drop_high: 0.1,
  tokens_saved_ratio: 0.4,
  max_em_drop: 0.02,
  ...fields,
}) as ContextRow

t.test('the members that have lost the most answers beyond the bound come first, and those without evidence last', async (t) => {
  const rows = [
    rowOf('model=q', { pool: null }),
    rowOf('model=q,task=new', { control_generations: 0, em_drop: null, pool: { ...MEMBER, first_generations_left: 30 } }),
    rowOf('model=q,task=few', { control_generations: 5, em_drop: 0.2 }),
    rowOf('model=q,task=kind'),
    rowOf('model=q,task=hard', { control_generations: 300, em_drop: 0.06 }),
    rowOf('model=q,task=gone', { control_generations: 90, em_drop: 0.05, threshold: null, pool: { ...MEMBER, left_at: 1000 } }),
    rowOf('model=p,task=hard', { em_drop: 1, pool: { ...MEMBER, key: 'model=p' } }),
  ]
  const { worst, ...counts } = membersOf({ rows }, 'model=q')
  t.same(counts, { total: 5, over_bound: 3, left: 1, new: 1 })
  t.same(worst.map(({ key }) => key.slice('model=q,task='.length)), ['hard', 'gone', 'few', 'kind', 'new'])
  t.same(worst[1], {
    key: 'model=q,task=gone', threshold: null, control_generations: 90, em_drop: 0.05, em_drop_low: -0.1, em_drop_high: 0.1, tokens_saved_ratio: 0.4, over_bound: true, left_at: '1970-01-01T00:00:01.000Z',
  })
})

t.test('twenty members are listed, and all are counted', async (t) => {
  const rows = Array.from({ length: 300 }, (_, i) => rowOf(`model=q,task=${i}`, { em_drop: i / 1000 }))
  const { total, over_bound, worst } = membersOf({ rows }, 'model=q')
  t.match({ total, over_bound, listed: worst.length, first: worst[0]!.key, last: worst.at(-1)!.key }, { total: 300, over_bound: 279, listed: 20, first: 'model=q,task=299', last: 'model=q,task=280' })
})
