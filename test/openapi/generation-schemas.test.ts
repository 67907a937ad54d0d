import t from 'tap'
import { GenerationSchema } from '../../openapi/generation-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { CONTEXT } from '../certify.js'
import { build } from '../helper.js'
import { ALL_CONTROL } from '../quick-policy.js'

t.test('a generation matches its schema with and without an outcome', async (t) => {
  const { send } = await build(t, ALL_CONTROL)
  const problem = itemValidator(GenerationSchema)
  await send('POST', '/v1/decisions', { generation_id: 'g', tokens: 32, confidence: null, context: CONTEXT })
  t.equal(problem((await send('GET', '/v1/generations/g')).body), null)
  await send('POST', '/v1/outcomes', { generation_id: 'g', arm: 'control', tokens: 64, context: CONTEXT, answer: 'x' })
  const { body } = await send('GET', '/v1/generations/g')
  t.equal(problem(body), null)
  t.type(body.outcome.answer_digest, 'string')
})
