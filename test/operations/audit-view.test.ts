import t from 'tap'
import { auditView } from '../../src/operations/audit-view.js'
import { UNREADABLE_COMMAND } from '../../src/store/encoding/log-rows.js'

const row = { id: '1', time: 0, version: 3 }
const pin = { threshold: 0.5, reason: 'old', by: 'eve', expires_at: 1000 }

t.test('an audit row says who did what, when and why', async (t) => {
  const shown = { id: '1', time: '1970-01-01T00:00:00.000Z', version: 3, by: 'ops', key: '*' }
  t.strictSame(auditView({ ...row, command: { type: 'pin', key: '*', pin: null, by: 'ops', reason: 'over' }, replaced: pin }),
    { ...shown, type: 'pin', reason: 'over', pin: null, replaced: { ...pin, expires_at: '1970-01-01T00:00:01.000Z' } })
  t.strictSame(auditView({ ...row, command: { type: 'policy', key: '*', policy: { mode: 'off' }, by: 'ops' }, replaced: {} }),
    { ...shown, type: 'policy', reason: null, policy: { mode: 'off' }, replaced: {} })
  t.strictSame(auditView({ ...row, command: { type: 'reset', key: '*', by: 'ops', reason: 'new' }, replaced: null }),
    { ...shown, type: 'reset', reason: 'new', replaced: null })
  t.strictSame(auditView({ ...row, command: { type: 'predictor', name: 'p', action: 'retired', by: 'ops' }, replaced: null }),
    { ...shown, key: null, type: 'predictor', reason: null, predictor: { name: 'p', action: 'retired' }, replaced: null })
  t.strictSame(auditView({ ...row, command: UNREADABLE_COMMAND, replaced: null }),
    { ...shown, by: 'stopgate', key: null, type: 'unreadable', reason: 'this row could not be read', replaced: null })
})
