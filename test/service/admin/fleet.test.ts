import t from 'tap'
import { type ContextRow, ROW_ORDERS, type RowOrder } from '../../../src/core/reports/context-row.js'
import { selectRows, sortContextRows, sumFleet } from '../../../src/service/admin/fleet.js'
import { losslessOutcome, report } from '../../certify.js'
import { build, until } from '../../helper.js'
import { ALL_CONTROL } from '../../quick-policy.js'

const rowOf = (key: string, fields: Partial<ContextRow> = {}) => ({
  key, is_leaf: true, is_certifying: true, is_pinned: false, status: 'learning', mode: 'enforce', threshold: null, tokens_saved: 100, tokens_saved_low: 90, tokens_saved_high: 110, tokens_saved_gross: 120, probe_tokens: 20, control_generations: 1, treated_generations: 2, alarms: [], withdrawn_at: null, ...fields,
}) as ContextRow

t.test('leaves are counted; tokens are those of the context at the top, which has all of them', async (t) => {
  const rows = [
    rowOf('*', { is_leaf: false, is_certifying: false, tokens_saved: 1000, tokens_saved_gross: 1200, probe_tokens: 200, alarms: ['drift_suspected'] }),
    rowOf('model=a', { status: 'certified', threshold: 0.9, tokens_saved: 500 }),
    rowOf('model=b', { mode: 'shadow', threshold: 0.9, is_pinned: true, alarms: ['tokens_lost', 'breach_suspected'] }),
    rowOf('model=c', { status: 'drifted', alarms: ['drift'], withdrawn_at: 2000, tokens_saved: null }),
  ]
  t.match(sumFleet({ at: 0, hours: [], rows }, '*'), {
    contexts: 3,
    by_status: { certified: 1, learning: 1, unlikely: 0, drifted: 1 },
    by_mode: { enforce: 2, shadow: 1, off: 0 },
    pinned: 1,
    stopping: 1,
    control_generations: 3,
    treated_generations: 6,
    tokens_saved: 1000,
    tokens_saved_low: 90,
    alarms: [{ key: 'model=c', alarm: 'drift', since: '1970-01-01T00:00:02.000Z' }, { key: 'model=b', alarm: 'breach_suspected' }, { alarm: 'tokens_lost' }],
    alarms_total: 3,
  })
  t.match(sumFleet({ at: 0, hours: [], rows: [rowOf('model=a', { is_certifying: false, alarms: ['left_pool', 'tokens_lost'] })] }, '*').alarms.map(({ alarm }) => alarm), ['left_pool'], 'a member of a pool')
  t.match(sumFleet({ at: 0, hours: [], rows: [] }, 'model=x'), { tokens_saved: 0 })
})

t.test('a context in mode off adds neither savings nor costs of probes', async (t) => {
  const row = (mode: 'enforce' | 'shadow' | 'off') => rowOf('model=a', { mode, threshold: null, tokens_mean: 100, probe_overhead: 0.02 })
  const presentOf = (mode: 'enforce' | 'shadow' | 'off') => sumFleet({ at: 0, hours: [], rows: [row(mode)] }, '*').tokens_saved_ratio
  t.same([presentOf('enforce'), presentOf('shadow'), presentOf('off')], [-0.02, -0.02, 0], 'without a threshold')
})

t.test('savings by hour are shown for the whole fleet alone, since a part of it has none', async (t) => {
  const hours = [{ at: 3_600_000, tokens_saved: 10, tokens_saved_low: 5, tokens_saved_high: 15, tokens: 100 }]
  t.match(sumFleet({ at: 0, hours, rows: [] }, '*').saved_by_hour, [{ at: '1970-01-01T01:00:00.000Z', tokens_saved: 10, tokens: 100 }])
  t.same(sumFleet({ at: 0, hours, rows: [] }, 'model=x').saved_by_hour, [])
})

t.test('alarms are sorted by severity, then newest first; a time is stated only if it is known', async (t) => {
  const rows = [
    rowOf('model=a', { alarms: ['breach'] }),
    rowOf('model=b', { status: 'drifted', alarms: ['breach', 'drift_suspected'], withdrawn_at: 1000 }),
    rowOf('model=c', { status: 'drifted', alarms: ['breach'], withdrawn_at: 2000 }),
    rowOf('model=d', { status: 'drifted', is_certifying: false, alarms: ['left_pool', 'left_out_high'], withdrawn_at: 3000 }),
  ]
  t.strictSame(sumFleet({ at: 0, hours: [], rows }, '*').alarms, [
    { key: 'model=c', alarm: 'breach', since: '1970-01-01T00:00:02.000Z' },
    { key: 'model=b', alarm: 'breach', since: '1970-01-01T00:00:01.000Z' },
    { key: 'model=a', alarm: 'breach', since: null },
    { key: 'model=d', alarm: 'left_pool', since: '1970-01-01T00:00:03.000Z' },
    { key: 'model=b', alarm: 'drift_suspected', since: null },
  ])
})

t.test('sums and rows cover the contexts within a prefix', async (t) => {
  const { send, fleet } = await build(t, ALL_CONTROL)
  await report((path, body) => send('POST', path, body), [losslessOutcome('a', { model: 'q', task: 'x' }), losslessOutcome('b', { model: 'q2', task: 'x' })])
  const tokens = async () => (await fleet.sums('*')).saved_by_hour.reduce((sum, { tokens }) => sum + tokens, 0)
  await until('both are learned', async () => await tokens() === 2 * 64) // the contexts are there since they enrolled
  t.match(await fleet.sums('*'), { contexts: 2 })
  t.match((await fleet.sums('*')).saved_by_hour.at(-1), { tokens_saved: 0 }, 'of the present hour')
  t.match(await fleet.sums('model=q'), { contexts: 1, prefix: 'model=q', saved_by_hour: [] })
  const query = { prefix: 'model=q2', sort: 'key', descending: false, offset: 0, limit: 5 } as const
  t.match(await fleet.rows(query), { total: 1, contexts: [{ key: 'model=q2,task=x' }] })
  await t.rejects(fleet.sums('model'), { code: 'INVALID_CONTEXT_KEY' })
})

const selectableRow = (key: string, fields: Partial<ContextRow> = {}) =>
  ({ key, is_leaf: true, is_certifying: true, status: 'learning', threshold: null, tokens_saved: 0, updated_at: 2, alarms: [], ...fields }) as ContextRow
const rows = [
  selectableRow('model=b,task=Math', { threshold: 0.9, tokens_saved: 5, status: 'certified' }), selectableRow('model=a,task=math', { tokens_saved: 5 }),
  selectableRow('model=a,task=code', { threshold: 0.5, tokens_saved: -1, status: 'drifted' }), selectableRow('*', { is_leaf: false, is_certifying: false }),
]
const query = { prefix: '*', sort: 'key', descending: false, offset: 0, limit: 10 } as const
const keys = (more: object) => selectRows({ at: 0, rows }, { ...query, ...more }).contexts.map(({ key }) => key)

t.test('rows are searched, filtered and cut; sums are listed on request', async (t) => {
  t.same(keys({ search: ' MATH  b' }), ['model=b,task=Math'])
  t.same(keys({ status: 'drifted' }), ['model=a,task=code'])
  t.same(keys({ sums: true }).length, 4)
  t.match(selectRows({ at: 0, rows }, { ...query, offset: 1, limit: 1 }), { total: 3, contexts: [{ key: 'model=a,task=math', updated_at: '1970-01-01T00:00:00.002Z' }] })
})

const sortableRows = [
  { key: 'b', threshold: 0.9, tokens_saved: 5, status: 'certified' },
  { key: 'a', threshold: null, tokens_saved: 5, status: 'learning' },
  { key: 'c', threshold: 0.5, tokens_saved: -1, status: 'drifted' },
] as ContextRow[]
const sortedKeys = (sort: RowOrder, descending = false) => sortContextRows(sortableRows, sort, descending).map(({ key }) => key).join('')

t.test('rows are sorted either way; missing values come last, and the key breaks ties', async (t) => {
  t.equal(sortedKeys('tokens_saved', true), 'abc')
  t.equal(sortedKeys('threshold'), 'cba')
  t.equal(sortedKeys('threshold', true), 'bca')
  t.equal(sortedKeys('status'), 'cab', 'drifted first')
  t.equal(sortedKeys('key', true), 'cba')
  for (const sort of ROW_ORDERS) t.equal(sortedKeys(sort).length, 3, sort)
})
