import t from 'tap'
import { AuditSchema } from '../../openapi/audit-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { auditPage } from '../../src/operations/audit-view.js'
import { build } from '../helper.js'
import { predictorEntry, versionOf } from '../store/fixtures.js'

t.test('rows match their schema without losing a field', async (t) => {
  const { send, store } = await build(t)
  await send('PUT', '/v1/contexts/*/pin', { threshold: 0.5, reason: 'r' })
  await send('PUT', '/v1/contexts/*/pin', { threshold: null, reason: 'r', expires_in_seconds: 9 })
  await send('PUT', '/v1/contexts/*/policy', { mode: 'off', control_rate: 0.1 })
  await send('DELETE', '/v1/contexts/*/policy')
  await store.append([{ type: 'reset', key: '*', by: 'ops', reason: 'r' }, predictorEntry('p', versionOf('p', 1)), predictorEntry('p', null)])
  const { body } = await send('GET', '/v1/audit')
  t.equal(itemValidator(AuditSchema)(body), null)
  t.strictSame(body, await auditPage(store, 100))
})
