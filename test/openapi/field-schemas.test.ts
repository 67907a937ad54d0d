import t from 'tap'
import { ConfidenceSchema, ContextSchema, EmSchema, SignalsSchema, TextSchema, TokensSchema } from '../../openapi/field-schemas.js'
import { itemValidator } from '../../openapi/validation.js'

const cases: [string, object, unknown[], unknown[]][] = [
  ['text', TextSchema('x'), ['a', 'é'.repeat(64), '-'], ['', 'a'.repeat(129), 'é'.repeat(65), '\ud800', 1, null]],
  ['tokens', TokensSchema('x', 1), [0, 1, 1e9], [-1, 0.5, 1e9 + 1, '1', null]],
  ['confidence', ConfidenceSchema, [0, 1, 0.5, null, 1 + 1e-7, -1e-7], [1.1, -0.1, '0.5', true]],
  ['em', EmSchema('x'), [0, 1], [0.5, 2, true, '1', null]],
  ['context', ContextSchema, [{}, { model: 'q' }], [{ model: '' }, { model: 1 }, [], 'q']],
  ['signals', SignalsSchema, [{}, { entropy: -3 }], [{ entropy: 'low' }, { '': 1 }, { ['x'.repeat(129)]: 1 }]],
]

for (const [name, schema, good, bad] of cases) {
  t.test(name, async (t) => {
    for (const value of good) t.equal(itemValidator(schema)(value), null, JSON.stringify(value))
    for (const value of bad) t.ok(itemValidator(schema)(value), JSON.stringify(value))
  })
}
