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
  t.same([...(await services.store.recorded(['g'])).keys()], ['g'])
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 1\n')
})

t.test('a context outside the prefix of the caller is refused and not counted', async (t) => {
  const services = await build(t)
  const tenant = { tokenName: 'tenant', tokenPrefix: 'model=r' }
  t.throws(() => answerStep(services, { tokens: 1, confidence: 1, context: CONTEXT }, tenant), { code: 'FORBIDDEN' })
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 0\n')
})
