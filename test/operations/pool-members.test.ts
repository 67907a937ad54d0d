import t from 'tap'
import type { ContextRow } from '../../src/core/views/describe-row.js'
import { membersOf } from '../../src/operations/pool-members.js'

const rowOf = (key: string, fields: Partial<ContextRow> = {}) => ({
  key, pool: { key: 'model=q', left_at: null }, threshold: 0.9, control_generations: 100, em_drop: 0, em_drop_low: -0.1, em_drop_high: 0.1, tokens_saved_ratio: 0.4, max_em_drop: 0.02, ...fields,
}) as ContextRow

t.test('the members that have lost the most answers beyond the bound come first, and those that have shown nothing last', async (t) => {
  const rows = [
    rowOf('model=q', { pool: null }),
    rowOf('model=q,task=new', { control_generations: 0, em_drop: null }),
    rowOf('model=q,task=few', { control_generations: 5, em_drop: 0.2 }),
    rowOf('model=q,task=kind'),
    rowOf('model=q,task=hard', { control_generations: 300, em_drop: 0.06 }),
    rowOf('model=q,task=gone', { control_generations: 90, em_drop: 0.05, threshold: null, pool: { key: 'model=q', left_at: 1000 } }),
    rowOf('model=p,task=hard', { em_drop: 1, pool: { key: 'model=p', left_at: null } }),
  ]
  const { at, total, over_bound, left, worst } = membersOf({ at: 0, rows }, 'model=q')
  t.same({ at, total, over_bound, left }, { at: '1970-01-01T00:00:00.000Z', total: 5, over_bound: 3, left: 1 })
  t.same(worst.map(({ key }) => key.slice('model=q,task='.length)), ['hard', 'gone', 'few', 'kind', 'new'])
  t.same(worst[1], {
    key: 'model=q,task=gone', threshold: null, control_generations: 90, em_drop: 0.05, em_drop_low: -0.1, em_drop_high: 0.1, tokens_saved_ratio: 0.4, over_bound: true, left_at: '1970-01-01T00:00:01.000Z',
  })
})

t.test('twenty members are listed, and all are counted', async (t) => {
  const rows = Array.from({ length: 300 }, (_, i) => rowOf(`model=q,task=${i}`, { em_drop: i / 1000 }))
  const { total, over_bound, worst } = membersOf({ at: 0, rows }, 'model=q')
  t.match({ total, over_bound, listed: worst.length, first: worst[0]!.key, last: worst.at(-1)!.key }, { total: 300, over_bound: 279, listed: 20, first: 'model=q,task=299', last: 'model=q,task=280' })
})
