import t from 'tap'
import type { ContextRow } from '../../src/core/views/describe-row.js'
import { sumFleet } from '../../src/operations/fleet-sums.js'

const rowOf = (key: string, fields: Partial<ContextRow> = {}) => ({
  key, is_leaf: true, is_certifying: true, is_pinned: false, status: 'learning', mode: 'enforce', threshold: null, tokens_saved: 100, tokens_saved_gross: 120, probe_tokens: 20, control_generations: 1, treated_generations: 2, price_per_1k_tokens: null, alarms: [], withdrawn_at: null, ...fields,
}) as ContextRow

t.test('leaves are counted; tokens are those of the context at the top, which has all of them', async (t) => {
  const rows = [
    rowOf('*', { is_leaf: false, is_certifying: false, tokens_saved: 1000, tokens_saved_gross: 1200, probe_tokens: 200, alarms: ['drift_suspected'] }),
    rowOf('model=a', { status: 'certified', threshold: 0.9, price_per_1k_tokens: 2, tokens_saved: 500 }),
    rowOf('model=b', { mode: 'shadow', threshold: 0.9, is_pinned: true, alarms: ['no_net_savings', 'breach_suspected'] }),
    rowOf('model=c', { status: 'drifted', alarms: ['drift'], withdrawn_at: 2000 }),
  ]
  t.match(sumFleet({ at: 0, rows }, '*'), {
    contexts: 3,
    by_status: { certified: 1, learning: 1, drifted: 1 },
    by_mode: { enforce: 2, shadow: 1, off: 0 },
    pinned: 1,
    stopping: 1,
    control_generations: 3,
    treated_generations: 6,
    tokens_saved: 1000,
    worth: 1,
    tokens_priced: 500,
    alarms: [{ key: 'model=c', alarm: 'drift', since: '1970-01-01T00:00:02.000Z' }, { key: 'model=b', alarm: 'breach_suspected' }, { alarm: 'no_net_savings' }],
    alarms_total: 3,
  })
  t.match(sumFleet({ at: 0, rows: [rowOf('model=a', { is_certifying: false, alarms: ['left_pool', 'no_net_savings'] })] }, '*').alarms.map(({ alarm }) => alarm), ['left_pool'], 'a member of a pool')
  t.match(sumFleet({ at: 0, rows: rows.slice(2) }, 'model=x'), { tokens_saved: 200, worth: null })
})

t.test('alarms are the gravest first, then the newest; a time is stated only where one is known', async (t) => {
  const rows = [
    rowOf('model=a', { alarms: ['breach'] }),
    rowOf('model=b', { status: 'drifted', alarms: ['breach', 'drift_suspected'], withdrawn_at: 1000 }),
    rowOf('model=c', { status: 'drifted', alarms: ['breach'], withdrawn_at: 2000 }),
    rowOf('model=d', { status: 'drifted', is_certifying: false, alarms: ['left_pool', 'signals_refused'], withdrawn_at: 3000 }),
  ]
  t.strictSame(sumFleet({ at: 0, rows }, '*').alarms, [
    { key: 'model=c', alarm: 'breach', since: '1970-01-01T00:00:02.000Z' },
    { key: 'model=b', alarm: 'breach', since: '1970-01-01T00:00:01.000Z' },
    { key: 'model=a', alarm: 'breach', since: null },
    { key: 'model=d', alarm: 'left_pool', since: '1970-01-01T00:00:03.000Z' },
    { key: 'model=b', alarm: 'drift_suspected', since: null },
  ])
})
