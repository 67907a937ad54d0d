import t from 'tap'
import { auditView, createHistory, historyWithin } from '../../../src/service/admin/history.js'
import { UNREADABLE_COMMAND } from '../../../src/store/encoding/log-rows.js'
import type { HistoryRow } from '../../../src/store/store.js'

const auditRow = { id: '1', time: 0, version: 3 }
const pin = { threshold: 0.5, reason: 'old', by: 'eve', expires_at: 1000 }

t.test('an audit row states the command, its author, time and reason', async (t) => {
  const shown = { id: '1', time: '1970-01-01T00:00:00.000Z', version: 3, by: 'ops', key: '*' }
  t.strictSame(auditView({ ...auditRow, command: { type: 'pin', key: '*', pin: null, by: 'ops', reason: 'over' }, replaced: pin }),
    { ...shown, type: 'pin', reason: 'over', pin: null, replaced: { ...pin, expires_at: '1970-01-01T00:00:01.000Z' } })
  t.strictSame(auditView({ ...auditRow, command: { type: 'policy', key: '*', policy: { mode: 'off' }, by: 'ops' }, replaced: {} }),
    { ...shown, type: 'policy', reason: null, policy: { mode: 'off' }, replaced: {} })
  t.strictSame(auditView({ ...auditRow, command: { type: 'reset', key: '*', by: 'ops', reason: 'new' }, replaced: null }),
    { ...shown, type: 'reset', reason: 'new', replaced: null })
  t.strictSame(auditView({ ...auditRow, command: { type: 'predictor', name: 'p', action: 'retired', by: 'ops' }, replaced: null }),
    { ...shown, key: null, type: 'predictor', reason: null, predictor: { name: 'p', action: 'retired' }, replaced: null })
  t.strictSame(auditView({ ...auditRow, command: UNREADABLE_COMMAND, replaced: null }),
    { ...shown, by: 'stopgate', key: null, type: 'unreadable', reason: 'this row could not be read', replaced: null })
})

const historyRow = (id: string, cause: string) => ({ id, cause }) as HistoryRow

t.test('a damaged row is reported once, however often it is read', async (t) => {
  const told: unknown[] = []
  let rows = [historyRow('3', 'unreadable'), historyRow('2', 'evidence'), historyRow('1', 'unreadable')]
  const store = { history: async (limit: number) => rows.slice(0, limit) }
  const readHistory = createHistory(store, (what, count, more) => { if (count > 0) told.push([what, count, more]) })
  t.same(await readHistory(2), rows.slice(0, 2))
  await readHistory(3)
  await readHistory(3)
  rows = [historyRow('4', 'unreadable'), ...rows]
  await readHistory(4)
  t.same(told, [['history', 1, { ids: ['3'] }], ['history', 1, { ids: ['1'] }], ['history', 1, { ids: ['4'] }]])
})

const rowsWithin = ['model=q,task=a', null, 'model=r', 'model=q', 'model=q2'].map((key, i) => ({ key, id: `${9 - i}` }) as HistoryRow)
const read = async (limit: number) => rowsWithin.slice(0, limit)

t.test('changes of a context and those below it are found behind others', async (t) => {
  t.same(await historyWithin(read, '*', 2), { changes: rowsWithin.slice(0, 2), next: '8' })
  t.same(await historyWithin(read, 'model=q', 9), { changes: [rowsWithin[0], rowsWithin[3]], next: null })
  t.same(await historyWithin(read, 'model=q', 1), { changes: [rowsWithin[0]], next: '9' })
})

t.test('a page begins after the row that is named', async (t) => {
  t.same(await historyWithin(read, '*', 2, '8'), { changes: rowsWithin.slice(2, 4), next: '6' })
  t.same(await historyWithin(read, '*', 2, '6'), { changes: rowsWithin.slice(4), next: null })
  t.same(await historyWithin(read, 'model=q', 1, '9'), { changes: [rowsWithin[3]], next: null })
  t.same(await historyWithin(read, '*', 2, '1'), { changes: [], next: null }, 'the row is no longer kept')
})
