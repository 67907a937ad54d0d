import t from 'tap'
import { DecisionSchema, StepSchema } from '../../openapi/decision-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { guaranteeToWire } from '../../openapi/wire.js'
import { ruleReply } from '../../src/service/decisions/rule-reply.js'
import { certify, CONTEXT } from '../certify.js'
import { build } from '../helper.js'

t.test('decisions match their schema without losing a field', async (t) => {
  const built = await build(t)
  await certify(built)
  for (const step of [{ tokens: 1, confidence: 1, context: CONTEXT }, { tokens: 1, confidence: null }]) {
    const { body } = await built.send('POST', '/v1/decisions', step)
    t.equal(itemValidator(DecisionSchema)(body), null)
    const { decision, rule } = built.snapshotHolder.decideStep(step)
    t.strictSame({ ...body, warnings: [] }, { ...decision, warnings: [], guarantee: guaranteeToWire(rule.guarantee), rule: ruleReply(rule) }, 'the route adds warnings of its own')
  }
})

t.test('the example is valid', async (t) => {
  for (const example of (StepSchema as { examples?: unknown[] }).examples!) t.equal(itemValidator(StepSchema)(example), null)
})
