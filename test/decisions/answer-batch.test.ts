import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { answerBatch } from '../../src/decisions/answer-batch.js'
import { CONTEXT } from '../certify.js'
import { build } from '../helper.js'

t.test('an invalid step gets an error in its place and is not counted', async (t) => {
  const services = await build(t)
  const good = { tokens: 1, confidence: 0.5, context: CONTEXT }
  const { model_version: version, decisions } = answerBatch(services, [good, 7, { ...good, context: { colour: 'red' } }, good], ANYBODY)
  t.equal(version, services.service.snapshot().version)
  t.match(decisions, [{ decision: 'continue' }, { error: { path: '' } }, { error: { path: '/context/colour' } }, { decision: 'continue' }])
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 2\n')
})

t.test('a failure of the service is thrown, not put into the reply', async (t) => {
  const services = await build(t)
  const service = { ...services.service, decideStep: () => { throw new Error('broken') } }
  t.throws(() => answerBatch({ ...services, service }, [{ tokens: 1, confidence: 0.5 }], ANYBODY), { message: 'broken' })
})
