import t from 'tap'
import { historyWithin } from '../../src/operations/history-within.js'
import type { HistoryRow } from '../../src/store/store.js'

const rows = ['model=q,task=a', null, 'model=r', 'model=q', 'model=q2'].map((key) => ({ key }) as HistoryRow)
const read = async (limit: number) => rows.slice(0, limit)

t.test('changes of a context and those below it are found behind others', async (t) => {
  t.same(await historyWithin(read, '*', 2), rows.slice(0, 2))
  t.same(await historyWithin(read, 'model=q', 9), [rows[0], rows[3]])
  t.same(await historyWithin(read, 'model=q', 1), [rows[0]])
})
