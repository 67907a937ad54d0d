import t from 'tap'
import { AnyColumnsSchema, ColumnDecisionsSchema, ColumnsSchema, DecisionSchema, StepSchema } from '../../openapi/decision-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { certify, CONTEXT } from '../certify.js'
import { build } from '../helper.js'

const columns = { contexts: [{ model: 'q' }], context: [0], tokens: [1], confidence: [1] }

t.test('the example is valid', async (t) => {
  for (const example of (ColumnsSchema as { examples?: unknown[] }).examples!) t.equal(itemValidator(ColumnsSchema)(example), null)
})

t.test('the schema of the whole request accepts any cells', async (t) => {
  const problem = itemValidator(AnyColumnsSchema)
  t.equal(problem({ ...columns, tokens: [null, 'x'], signals: { ['x'.repeat(200)]: [{}] } }), null)
  t.match(problem({ ...columns, tokens: 7 }), { path: '/tokens' })
  t.match(problem({ ...columns, arm: [] }), { path: '/arm', message: /not a known field/ })
  t.match(problem({ ...columns, context: undefined }), { path: '/context' })
  t.match(problem({ ...columns, confidence: Array(4097).fill(1) }), { path: '/confidence', message: /4096/ })
  t.equal(problem({ ...columns, confidence: Array(4096).fill(1) }), null)
})

t.test('replies match their schema', async (t) => {
  const { send } = await build(t)
  for (const body of [columns, { ...columns, tokens: [-1] }, { ...columns, contexts: [null] }]) {
    t.equal(itemValidator(ColumnDecisionsSchema)((await send('POST', '/v1/decisions/columns', body)).body), null)
  }
})

t.test('decisions match their schema without losing a field', async (t) => {
  const built = await build(t)
  await certify(built)
  for (const step of [{ tokens: 1, confidence: 1, context: CONTEXT }, { tokens: 1, confidence: null }]) {
    const { body } = await built.send('POST', '/v1/decisions', step)
    t.equal(itemValidator(DecisionSchema)(body), null)
    const { decision } = built.snapshotHolder.decideStep(step)
    t.strictSame({ ...body, warnings: [] }, { ...decision, warnings: [] }, 'the route adds warnings of its own')
  }
})

t.test('the example is valid', async (t) => {
  for (const example of (StepSchema as { examples?: unknown[] }).examples!) t.equal(itemValidator(StepSchema)(example), null)
})
