import t from 'tap'
import { jsonOf, parseJson } from '../../../src/cli/import-run/parse-json.js'

t.test('NaN and Infinity become null outside of strings', async (t) => {
  t.same(parseJson('{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN, \\"Infinity\\"", "NaN": 1, "d": -1e-7}'), { a: null, b: [null, null], c: 'NaN, "Infinity"', NaN: 1, d: -1e-7 })
  t.same(parseJson('[1, "é\\\\"]'), [1, 'é\\'])
  for (const text of ['', '{"a": NaNs}', '{"a": "NaN', '{"a": nan}']) t.throws(() => parseJson(text), SyntaxError, text)
  t.same([jsonOf('{"a": '), jsonOf('null'), jsonOf('[NaN]')], [undefined, null, [null]])
})
