import t from 'tap'
import {
  ConfidenceSchema, ContextSchema, EmSchema, ErrorSchema, SignalsSchema, TextSchema, TokensSchema,
} from '../../openapi/field-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { build } from '../helper.js'

t.test('every kind of error has the same shape', async (t) => {
  const { send } = await build(t)
  for (const [method, url, body] of [
    ['POST', '/v1/decisions', {}], ['POST', '/v1/decisions', { tokens: 1, confidence: 1, context: { x: 'y' } }], ['GET', '/v1/contexts/x'], ['GET', '/nowhere'], ['GET', '/v1/contexts?limit=x'],
  ] as const) {
    const reply = await send(method, url, body)
    t.ok(reply.status >= 400 && reply.status < 500, url)
    t.equal(itemValidator(ErrorSchema)(reply.body), null, url)
  }
})

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
