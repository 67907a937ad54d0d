import t from 'tap'
import { metaRows, sortRows } from '../../src/store/state-format.js'

const META = { salt: 's', version: 0, policy_version: 0, cursor: '0-0', last_id: '0-0', ledger: null, follow_up: null }

t.test('rows are sorted into their tables and keep their order', async (t) => {
  const pin = (key: string) => ({ table: 'pins' as const, key, value: 1 })
  const { meta, rows } = sortRows([pin('b'), ...metaRows(META), pin('a')])
  t.same(meta, META)
  t.same(rows.pins.map(({ key }) => key), ['b', 'a'])
  t.same(rows.log, [])
})

t.test('a state without one of its single values is refused', async (t) => {
  for (const name of Object.keys(META)) t.throws(() => sortRows(metaRows(META).filter(({ key }) => key !== name)), { message: `it has no ${name}` })
})
