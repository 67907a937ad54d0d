import t from 'tap'
import { DecisionSchema, StepSchema } from '../../openapi/decision-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { certify, CONTEXT } from '../certify.js'
import { build } from '../helper.js'

t.test('what the core decides is what the schema says, and nothing is dropped on the way', async (t) => {
  const built = await build(t)
  await certify(built)
  for (const step of [{ tokens: 1, confidence: 1, context: CONTEXT }, { tokens: 1, confidence: null }]) {
    const { body } = await built.send('POST', '/v1/decisions', step)
    t.equal(itemValidator(DecisionSchema)(body), null)
    t.strictSame(body, built.service.decide(step))
  }
})

t.test('the example is a step', async (t) => {
  for (const example of (StepSchema as { examples?: unknown[] }).examples!) t.equal(itemValidator(StepSchema)(example), null)
})
