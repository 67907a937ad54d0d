import t from 'tap'
import { ArmsSchema, ContextDetailSchema, ContextPageSchema } from '../../openapi/context-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build, until } from '../helper.js'

t.test('a difference is null or has an estimate with both bounds', async (t) => {
  const problem = itemValidator(ArmsSchema)
  const arm = { generations: 0, em: null, tokens: null }
  const arms = { control: arm, treated: arm, em_difference: null }
  t.equal(problem(arms), null)
  t.equal(problem({ ...arms, em_difference: { estimate: 0, low: -0.1, high: 0.1 } }), null)
  t.match(problem({ ...arms, em_difference: { estimate: 0 } }), { path: '/em_difference/low' })
})

t.test('replies match their schemas without losing a field', async (t) => {
  const built = await build(t)
  const generations = 300
  await certify(built, CONTEXT, generations)
  await until('every outcome is learned', async () => (await built.contexts.get(KEY))?.control_generations === generations)
  await built.send('PUT', `/v1/contexts/${encodeURIComponent(KEY)}/pin`, { threshold: 0.5, reason: 'test' })
  await until('the pin is learned, which restarts the arms', async () => (await built.contexts.get(KEY))!.arms.control.generations === 0)
  const { body } = await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)
  t.equal(itemValidator(ContextDetailSchema)(body), null)
  t.strictSame(body, await built.contexts.get(KEY))
  t.equal(itemValidator(ContextPageSchema)((await built.send('GET', '/v1/contexts')).body), null)
})
