import t from 'tap'
import { AcceptedBatchSchema, AcceptedSchema, LabelledSchema, LabelSchema, OutcomeSchema } from '../../openapi/outcome-schemas.js'
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

const problem = itemValidator(OutcomeSchema)

t.test('outcomes and replies match their schemas', async (t) => {
  const { send } = await build(t)
  t.equal(problem(losslessOutcome('g')), null)
  t.equal(itemValidator(AcceptedSchema)((await send('POST', '/v1/outcomes', losslessOutcome('g'))).body), null)
  const batch = await send('POST', '/v1/outcomes/batch', { outcomes: [losslessOutcome('g'), {}] })
  t.equal(itemValidator(AcceptedBatchSchema)(batch.body), null)
})

t.test('lengths are bounded', async (t) => {
  const step = { tokens: 1, confidence: 1 }
  t.match(problem({ ...losslessOutcome('g'), steps: Array(4097).fill(step) }), { path: '/steps', message: /4096/ })
  t.match(problem({ ...losslessOutcome('g'), answer: 'é'.repeat(2049) }), { path: '/answer', message: /4 KiB/ })
  t.match(problem({ ...losslessOutcome('g'), reference: [] }), { path: '/reference', message: /up to 64/ })
  t.match(problem({ ...losslessOutcome('g'), reference: Array(65).fill('1') }), { path: '/reference', message: /more than 64 items; .*up to 64, 4 KiB each/ })
  t.equal(problem({ ...losslessOutcome('g'), reference: Array(64).fill('1') }), null)
  for (const reference of [1, 'é'.repeat(2049), ['é'.repeat(2049)], [1]]) t.match(problem({ ...losslessOutcome('g'), reference }), { path: /^\/reference/ })
})
