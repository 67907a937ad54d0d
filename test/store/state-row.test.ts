import t from 'tap'
import { metaRows, readRow, sortRows } from '../../src/store/state-row.js'

const META = { salt: 's', version: 0, policy_version: 0, cursor: '0-0', last_id: '0-0', ledger: null }

t.test('rows go to their tables, in order', async (t) => {
  const pin = (key: string) => ({ table: 'pins' as const, key, value: 1 })
  const { meta, rows } = sortRows([pin('b'), ...metaRows(META), pin('a')])
  t.same(meta, META)
  t.same(rows.pins.map(({ key }) => key), ['b', 'a'])
  t.same(rows.log, [])
})

t.test('a state without one of its single values is none', async (t) => {
  for (const name of Object.keys(META)) t.throws(() => sortRows(metaRows(META).filter(({ key }) => key !== name)), { message: `it has no ${name}` })
})

t.test('a row that is damaged says so', async (t) => {
  const pin = { threshold: 1, reason: 'why', by: 'ops', expires_at: null }
  t.same(readRow('pins', 'model=q', JSON.stringify(pin)), { table: 'pins', key: 'model=q', value: pin })
  t.match(readRow('pins', 'model=q', '{"threshold":"low"}'), { value: { threshold: 'low' }, damaged: /missing/ }, 'though it is JSON')
  t.match(readRow('contexts', 'model=q', '{"epoch":1}'), { value: { epoch: 1 }, damaged: /missing|undefined/ })
  t.match(readRow('audit', '1-0', '{"time":1}'), { value: { time: 1 }, damaged: /missing/ })
  t.match(readRow('history', '1-0', '{'), { value: '{', damaged: /JSON/ }, 'a rollback has to know of the gap')
  t.notOk(readRow('meta', 'ledger', 'null').damaged, 'nothing was learned yet')
  t.match(readRow('policies', 'model=q', '{"mode'), { table: 'policies', key: 'model=q', value: '{"mode', damaged: /^Unterminated/ })
  t.match(readRow('training_series', 's', '{'), { value: undefined, damaged: /JSON/ }, 'without its readers\' care it is left out')
})
