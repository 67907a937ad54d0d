import t from 'tap'
import type { ContextRow } from '../../src/core/views/describe-row.js'
import { selectRows } from '../../src/operations/select-rows.js'

const rowOf = (key: string, fields: Partial<ContextRow> = {}) =>
  ({ key, is_leaf: true, is_certifying: true, status: 'learning', threshold: null, tokens_saved: 0, changed_at: 1, updated_at: 2, alarms: [], ...fields }) as ContextRow
const rows = [
  rowOf('model=b,task=Math', { threshold: 0.9, tokens_saved: 5, status: 'certified' }), rowOf('model=a,task=math', { tokens_saved: 5 }),
  rowOf('model=a,task=code', { threshold: 0.5, tokens_saved: -1, status: 'drifted' }), rowOf('*', { is_leaf: false, is_certifying: false }),
]
const query = { prefix: '*', sort: 'key', descending: false, offset: 0, limit: 10 } as const
const keys = (more: object) => selectRows({ at: 0, rows }, { ...query, ...more }).contexts.map(({ key }) => key)

t.test('rows are searched, filtered and cut; sums are listed on request', async (t) => {
  t.same(keys({ search: ' MATH  b' }), ['model=b,task=Math'])
  t.same(keys({ status: 'drifted' }), ['model=a,task=code'])
  t.same(keys({ sums: true }).length, 4)
  t.match(selectRows({ at: 0, rows }, { ...query, offset: 1, limit: 1 }), { total: 3, contexts: [{ key: 'model=a,task=math', changed_at: '1970-01-01T00:00:00.001Z' }] })
})
