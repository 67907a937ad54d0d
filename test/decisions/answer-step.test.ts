import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { answerStep } from '../../src/decisions/answer-step.js'
import { CONTEXT } from '../certify.js'
import { build } from '../helper.js'

t.test('a control step is decided, counted and recorded', async (t) => {
  const services = await build(t)
  const step = { generation_id: 'g', arm: 'control', tokens: 32, confidence: 0.5, context: CONTEXT } as const
  t.match(answerStep(services, step, ANYBODY), { decision: 'continue', reason: 'no_threshold', arm: 'control' })
  await services.recorder.flush()
  t.same([...(await services.store.stepRecords.read(['g'])).keys()], ['g'])
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 1\n')
})

t.test('a context outside the prefix of the caller is refused and not counted', async (t) => {
  const services = await build(t)
  const tenant = { tokenName: 'tenant', tokenPrefix: 'model=r' }
  t.throws(() => answerStep(services, { tokens: 1, confidence: 1, context: CONTEXT }, tenant), { code: 'FORBIDDEN' })
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 0\n')
})

t.test('a step without an id or a context gets a warning', async (t) => {
  const services = await build(t, { DEFAULT_POLICY: '{}' })
  const warnings = (step: object) => answerStep(services, { tokens: 32, confidence: 0.5, ...step }, ANYBODY).warnings
  t.strictSame(warnings({}), ['id_missing', 'context_missing'])
  t.strictSame(warnings({ context: CONTEXT }), ['id_missing'])
  t.strictSame(warnings({ arm: 'treated' }), ['context_missing'], 'it has its arm already')
  t.strictSame(warnings({ generation_id: 'late', tokens: 1000 }), ['context_missing', 'first_step_late'])
  for (const step of [{ generation_id: 'g' }, { group_id: 'p' }, { arm: 'treated' }]) t.strictSame(warnings({ context: CONTEXT, ...step }), [])
  const flat = await build(t, { CONTEXT_LEVELS: '' })
  t.strictSame(answerStep(flat, { generation_id: 'g', tokens: 32, confidence: 0.5 }, ANYBODY).warnings, [], 'there are no levels to name')
})
