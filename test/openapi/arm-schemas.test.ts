import t from 'tap'
import { ArmsSchema } from '../../openapi/arm-schemas.js'
import { itemValidator } from '../../openapi/validation.js'

t.test('a difference is null or has an estimate with both bounds', async (t) => {
  const problem = itemValidator(ArmsSchema)
  const arm = { generations: 0, labelled: 0, em: null, tokens_mean: null }
  const arms = { control: arm, treated: arm, em_difference: null, tokens_difference: null, breach_suspected: false, breached: false }
  t.equal(problem(arms), null)
  t.equal(problem({ ...arms, em_difference: { estimate: 0, low: -0.1, high: 0.1 } }), null)
  t.match(problem({ ...arms, em_difference: { estimate: 0 } }), { path: '/em_difference/low' })
})
