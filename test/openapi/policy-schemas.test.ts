import t from 'tap'
import {
  AuditSchema, NullablePinSchema, PinSchema, PolicyMergePatchSchema, PolicyPatchSchema, PolicySchema,
} from '../../openapi/policy-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { auditPage } from '../../src/service/admin/history.js'
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

t.test('a pin needs a reason, and its threshold is a score or null', async (t) => {
  const problem = itemValidator(PinSchema)
  t.equal(problem({ threshold: null, reason: 'incident 42', expires_in_seconds: 3600 }), null)
  t.match(problem({ threshold: 0.5 }), { path: '/reason' })
  t.match(problem({ threshold: -0.5, reason: 'r' }), { path: '/threshold' })
})

t.test('a context without a pin shows null', async (t) => {
  t.equal(itemValidator(NullablePinSchema)(null), null)
})

const problem = itemValidator(PolicyPatchSchema)

t.test('the default is a policy, and any part of it is a patch', async (t) => {
  t.equal(itemValidator(PolicySchema)(DEFAULT_POLICY), null)
  t.equal(problem({}), null)
  for (const [field, value] of Object.entries(DEFAULT_POLICY)) t.equal(problem({ [field]: value }), null, field)
})

t.test('invalid policies are refused', async (t) => {
  for (const patch of [
    { max_em_drop: 0 }, { error_level: 1 }, { control_rate: 0.01 }, { control_rate: 'some' }, { label: 'f1' }, { mode: 'on' }, { label_rate: 0 }, { label_rate: 1.1 }, { certify_at: '' }, { min_tokens: -1 }, { check_every_tokens: 0 }, { check_growth: 1.1 }, { follow_up_seconds: 0 }, { follow_up_seconds: 0.5 }, { follow_up_seconds: 86_401 }, { max_evidence_age_seconds: 0 }, { predictor: 'on' },
    { max_em_loss: 0.1 },
  ]) t.match(problem(patch), { path: `/${Object.keys(patch)[0]}` })
})

t.test('the time of follow-up is a second to a day', async (t) => {
  for (const follow_up_seconds of [1, 1.5, 86_400]) t.equal(problem({ follow_up_seconds }), null, String(follow_up_seconds))
  for (const follow_up_seconds of [0, 0.5]) {
    t.match(problem({ follow_up_seconds }), { path: '/follow_up_seconds', message: /must be >= 1; .*\(seconds, 1 to 86,400\)/ })
  }
})

t.test('a merge patch may set any field, or remove it with null', async (t) => {
  const problem = itemValidator(PolicyMergePatchSchema)
  for (const [field, value] of Object.entries(DEFAULT_POLICY)) {
    t.equal(problem({ [field]: value }), null, field)
    t.equal(problem({ [field]: null }), null, field)
  }
  t.match(problem({ mode: 'on' }), { path: '/mode' })
  t.match(problem({ control_rate: 0 }), { path: '/control_rate' })
  t.match(problem({ follow_up_seconds: 0.5 }), { path: '/follow_up_seconds', message: /must be >= 1/ })
})
