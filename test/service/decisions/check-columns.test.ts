import t from 'tap'
import { checkColumns } from '../../../src/service/decisions/check-columns.js'

const anybody = { tokenName: 'anonymous', tokenPrefix: null }
const levels = ['model', 'task']
const check = (columns: object, caller: Parameters<typeof checkColumns>[0] = anybody) => {
  const body = { contexts: [{ model: 'q' }], context: [0, 0], tokens: [1, 2], confidence: [0.5, null], ...columns }
  const { errors, contexts } = checkColumns(caller, levels, body)
  return { errors, contexts }
}

t.test('a body of another form is refused as a whole', async (t) => {
  for (const [body, path] of [[undefined, ''], [[], ''], [{}, '/contexts'], [{ contexts: [], context: [], tokens: 1, confidence: [] }, '/tokens']] as const) {
    t.throws(() => checkColumns(anybody, levels, body), { statusCode: 400, code: 'INVALID_INPUT', details: [{ path }] })
  }
})

t.test('valid columns have no errors', async (t) => {
  t.same(check({}), { errors: [], contexts: [null] })
  t.same(check({ generation_ids: ['a', null], arms: [null, 'control'], signals: { x: [1, null] }, probed_score: [null, 1], em: [1, null], answer: [null, ''] }), { errors: [], contexts: [null] })
})

t.test('an error names the column, the row and the remedy', async (t) => {
  for (const [columns, path, message] of [
    [{ tokens: [1, -1] }, '/tokens/1', /must be >= 0/],
    [{ tokens: [1, null] }, '/tokens/1', /must be integer/],
    [{ confidence: [0, 1.1] }, '/confidence/1', /must be <= 1/],
    [{ generation_ids: ['a', ''] }, '/generation_ids/1', /characters/],
    [{ group_ids: ['a', 'é'.repeat(65)] }, '/group_ids/1', /too long/],
    [{ arms: [null, 'both'] }, '/arms/1', /"control", "treated"/],
    [{ signals: { 'a/b': [1, 'x'] } }, '/signals/a~1b/1', /must be number/],
    [{ signals: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`s${i}`, [null, i]])) }, '/signals/1', /16/],
    [{ em: [null, 2] }, '/em/1', /0, 1/],
    [{ answer: [null, 'x'.repeat(5000)] }, '/answer/1', /4096|too long/],
    [{ probed_score: [null, 'x'] }, '/probed_score/1', /must be number,null/],
    [{ context: [0, 1] }, '/context/1', /index into contexts \(there are 1\)/],
    [{ context: [0, '0'] }, '/context/1', /index/],
    [{ context: [0, 0.5] }, '/context/1', /index/],
    [{ contexts: [{}, { colour: 'red' }], context: [0, 1] }, '/contexts/1/colour', /levels .*model, task/],
    [{ contexts: [{}, { model: 7 }], context: [0, 1] }, '/contexts/1/model', /must be string/],
    [{ contexts: [{}, null], context: [0, 1] }, '/contexts/1', /must be object/],
  ] as const) {
    const { errors } = check(columns)
    t.match(errors, [{ index: 1, path, message }], JSON.stringify(columns).slice(0, 80))
    t.equal(errors.length, 1)
  }
})

t.test('an invalid context is reported by its place', async (t) => {
  t.match(check({ contexts: [{ model: 'q' }, { colour: 'red' }] }), { errors: [], contexts: [null, { path: '/contexts/1/colour' }] })
})

t.test('a bound token gets errors for rows of other contexts', async (t) => {
  const { errors } = check({ contexts: [{ model: 'q' }, { model: 'q2' }, {}], context: [1, 0, 2], tokens: [1, 1, 1], confidence: [1, 1, 1] }, { tokenName: 'tenant', tokenPrefix: 'model=q' })
  t.match(errors, [{ index: 0, path: '/contexts/1', message: /bound to model=q/ }, { index: 2, path: '/contexts/2' }])
})

t.test('columns of different lengths are refused', async (t) => {
  for (const [columns, path] of [
    [{ tokens: [1] }, '/tokens'], [{ confidence: [1, 1, 1] }, '/confidence'], [{ arms: [] }, '/arms'], [{ signals: { x: [1] } }, '/signals/x'],
  ] as const) t.throws(() => check(columns), { statusCode: 400, code: 'INVALID_INPUT', details: [{ path, message: /context has 2/ }] })
})
