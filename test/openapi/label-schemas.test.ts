import t from 'tap'
import { LabelledSchema, LabelSchema } from '../../openapi/label-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { losslessOutcome } from '../certify.js'
import { build } from '../helper.js'

t.test('labels and replies match their schemas', async (t) => {
  const { send } = await build(t)
  await send('POST', '/v1/outcomes', { ...losslessOutcome('g'), em: undefined })
  t.equal(itemValidator(LabelledSchema)((await send('POST', '/v1/outcomes/g/label', { em: 1 })).body), null)
  const problem = itemValidator(LabelSchema)
  for (const good of [{ em: 0 }, { reference: 'a' }, { reference: ['a', 'b'], answer: 'c' }, { em: 1, steps: [1, null, 0] }]) t.equal(problem(good), null)
  const tooMany = Array(4097).fill(1)
  for (const bad of [{ em: 2 }, { em: '1' }, { steps: [2] }, { steps: tooMany }, { reference: [] }, { label: 1 }]) t.ok(problem(bad))
})
