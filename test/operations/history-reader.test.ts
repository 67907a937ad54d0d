import t from 'tap'
import { createHistory } from '../../src/operations/history-reader.js'
import type { HistoryRow } from '../../src/store/store.js'

const row = (id: string, cause: string) => ({ id, cause }) as HistoryRow

t.test('a damaged row is reported once, however often it is read', async (t) => {
  const told: unknown[] = []
  let rows = [row('3', 'unreadable'), row('2', 'evidence'), row('1', 'unreadable')]
  const store = { history: async (limit: number) => rows.slice(0, limit) }
  const readHistory = createHistory(store, (what, count, more) => { if (count > 0) told.push([what, count, more]) })
  t.same(await readHistory(2), rows.slice(0, 2))
  await readHistory(3)
  await readHistory(3)
  rows = [row('4', 'unreadable'), ...rows]
  await readHistory(4)
  t.same(told, [['history', 1, { ids: ['3'] }], ['history', 1, { ids: ['1'] }], ['history', 1, { ids: ['4'] }]])
})
