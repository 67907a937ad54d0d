import t from 'tap'
import { historyWithin } from '../../src/operations/history-within.js'
import type { HistoryRow } from '../../src/store/store.js'

const rows = ['model=q,task=a', null, 'model=r', 'model=q', 'model=q2'].map((key, i) => ({ key, id: `${9 - i}` }) as HistoryRow)
const read = async (limit: number) => rows.slice(0, limit)

t.test('changes of a context and those below it are found behind others', async (t) => {
  t.same(await historyWithin(read, '*', 2), { changes: rows.slice(0, 2), next: '8' })
  t.same(await historyWithin(read, 'model=q', 9), { changes: [rows[0], rows[3]], next: null })
  t.same(await historyWithin(read, 'model=q', 1), { changes: [rows[0]], next: '9' })
})

t.test('a page begins after the row that is named', async (t) => {
  t.same(await historyWithin(read, '*', 2, '8'), { changes: rows.slice(2, 4), next: '6' })
  t.same(await historyWithin(read, '*', 2, '6'), { changes: rows.slice(4), next: null })
  t.same(await historyWithin(read, 'model=q', 1, '9'), { changes: [rows[3]], next: null })
  t.same(await historyWithin(read, '*', 2, '1'), { changes: [], next: null }, 'the row is no longer kept')
})
