import t from 'tap'
import { ROW_ORDERS, type ContextRow, type RowOrder } from '../../src/core/views/describe-row.js'
import { sortContextRows } from '../../src/operations/sort-rows.js'

const rows = [
  { key: 'b', threshold: 0.9, tokens_saved: 5, status: 'certified' },
  { key: 'a', threshold: null, tokens_saved: 5, status: 'learning' },
  { key: 'c', threshold: 0.5, tokens_saved: -1, status: 'drifted' },
] as ContextRow[]
const keys = (sort: RowOrder, descending = false) => sortContextRows(rows, sort, descending).map(({ key }) => key).join('')

t.test('rows are sorted either way; what has no value comes last, and the key breaks ties', async (t) => {
  t.equal(keys('tokens_saved', true), 'abc')
  t.equal(keys('threshold'), 'cba')
  t.equal(keys('threshold', true), 'bca')
  t.equal(keys('status'), 'cab', 'drifted first')
  t.equal(keys('key', true), 'cba')
  for (const sort of ROW_ORDERS) t.equal(keys(sort).length, 3, sort)
})
