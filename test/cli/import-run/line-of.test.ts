import t from 'tap'
import { lineOf } from '../../../src/cli/import-run/line-of.js'

const whole = '{"step":1,"suite":"s","context":{"model":"q"},"em":0.5}'

t.test('a record is read even if half a record comes before it on its line', async (t) => {
  t.match(lineOf(whole), { step: 1 })
  for (let end = 0; end < whole.length; end++) t.match(lineOf(whole.slice(0, end) + whole.replace('1', '2')), { step: 2, context: { model: 'q' } }, `after ${end} characters`)
})

t.test('half a record is not read', async (t) => {
  for (let end = 1; end < whole.length; end++) t.equal(lineOf(whole.slice(0, end)), null, whole.slice(0, end))
  for (const text of ['', 'null', '5', 'x {"model":"q"}', '{"'.repeat(1e6)]) t.equal(lineOf(text), null, text.slice(0, 20))
})
