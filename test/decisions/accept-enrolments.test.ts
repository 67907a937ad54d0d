import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { secondHash, uniform } from '../../src/core/assignment/arm.js'
import { acceptEnrolments, type EnrolmentReport } from '../../src/decisions/accept-enrolments.js'
import { StoreUnavailableError } from '../../src/store/store-errors.js'
import { build } from '../helper.js'

const context = { model: 'q', task: 'gsm8k' }
const report: EnrolmentReport = { context, epoch: '7-0', share: 0.2, age_ms: 40, generations: [] }
const generations = Array.from({ length: 200 }, (_, i) => ({ generation_id: `g${i}` }))

async function enrolling (t: Parameters<typeof build>[0], policy = '{}') {
  const { config, service } = await build(t, { DEFAULT_POLICY: policy })
  const calls: unknown[][] = []
  const services = { config, service, enroller: { enrol: (...call: unknown[]) => { calls.push(call) } } }
  return { services, calls, salt: service.snapshot().salt! }
}

t.test('draws below twice the share are enrolled, by the ids', async (t) => {
  const { services, calls, salt } = await enrolling(t)
  const enrolled = acceptEnrolments(services, { ...report, generations }, ANYBODY)
  const draws = generations.map(({ generation_id: id }) => [uniform(salt, id), secondHash(salt, id)] as const)
  const expected = draws.filter(([u]) => u < 0.4)
  t.ok(enrolled > 40 && enrolled < 120)
  t.strictSame(calls, expected.map(([u, hash]) => [{ key: 'model=q,task=gsm8k', epoch: '7-0', share: 0.2 }, u, hash, 40]))
})

t.test('a group is drawn by its own id, and enrolled by its first sample', async (t) => {
  const { services, calls, salt } = await enrolling(t)
  const group = { group_id: 'p', generation_id: 'g' }
  const generations = [{ ...group, sample: 0 }, { ...group, sample: 1 }]
  t.equal(acceptEnrolments(services, { ...report, share: 0.5, generations }, ANYBODY), 1)
  t.equal(calls[0]![1], uniform(salt, 'p'))
})

t.test('a pool enrols under its own key, and label_rate thins by the second hash', async (t) => {
  const pool = await enrolling(t, '{"certify_at":"model"}')
  acceptEnrolments(pool.services, { ...report, share: 0.5, generations: [{ generation_id: 'g' }] }, ANYBODY)
  t.match(pool.calls[0]![0], { key: 'model=q' })
  const thin = await enrolling(t, '{"label_rate":0.25}')
  const enrolled = acceptEnrolments(thin.services, { ...report, share: 0.5, generations }, ANYBODY)
  t.equal(enrolled, generations.filter(({ generation_id: id }) => secondHash(thin.salt, id) < 0.25).length)
  const arriving = await enrolling(t, '{"follow_up_seconds":0}')
  t.equal(acceptEnrolments(arriving.services, { ...report, generations }, ANYBODY), 0, 'nothing is enrolled where outcomes count on arrival')
})

t.test('unknown levels, foreign contexts and a store that was not reached are refused', async (t) => {
  const { services } = await enrolling(t)
  t.throws(() => acceptEnrolments(services, { ...report, context: { colour: 'red' } }, ANYBODY), { code: 'UNKNOWN_CONTEXT_LEVEL' })
  t.throws(() => acceptEnrolments(services, report, { tokenName: 'r', tokenPrefix: 'model=r' }), { code: 'FORBIDDEN' })
  const service = { snapshot: () => ({ ...services.service.snapshot(), salt: null }) }
  t.throws(() => acceptEnrolments({ ...services, service }, report, ANYBODY), StoreUnavailableError)
})
