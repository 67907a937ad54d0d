import t from 'tap'
import { readRow } from '../../src/store/encoding/state-file.js'

t.test('a damaged row says what is wrong', async (t) => {
  const pin = { threshold: 1, reason: 'why', by: 'ops', expires_at: null }
  t.same(readRow('pins', 'model=q', JSON.stringify(pin)), { table: 'pins', key: 'model=q', value: pin })
  t.match(readRow('pins', 'model=q', '{"threshold":"low"}'), { value: { threshold: 'low' }, damaged: /missing/ })
  t.match(readRow('contexts', 'model=q', '{"epoch":1}'), { value: { epoch: 1 }, damaged: /missing|undefined/ })
  t.match(readRow('audit', '1-0', '{"time":1}'), { value: { time: 1 }, damaged: /missing/ })
  t.match(readRow('history', '1-0', '{'), { value: '{', damaged: /JSON/ })
  t.notOk(readRow('meta', 'ledger', 'null').damaged)
  t.match(readRow('policies', 'model=q', '{"mode'), { table: 'policies', key: 'model=q', value: '{"mode', damaged: /^Unterminated/ })
  t.match(readRow('training_series', 's', '{'), { value: undefined, damaged: /JSON/ }, 'unreadable text of a table without a check is left out')
})
