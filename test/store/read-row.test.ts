import t from 'tap'
import { readRow } from '../../src/store/read-row.js'

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
