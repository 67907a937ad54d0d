import t from 'tap'
import { StepSchema } from '../../openapi/decision-schemas.js'
import { itemValidator } from '../../openapi/validation.js'

const problem = itemValidator(StepSchema)

t.test('a valid step has no problem', async (t) => {
  t.equal(problem({ tokens: 1, confidence: 1 }), null)
  t.equal(problem({ tokens: 1, confidence: 1 + 5e-7 }), null, 'float32 noise')
  t.equal(problem({ tokens: 1, confidence: null, generation_id: 'é'.repeat(64) }), null, '128 bytes')
})

t.test('bounds count bytes of well-formed text', async (t) => {
  t.match(problem({ tokens: 1, confidence: 1, generation_id: 'é'.repeat(65) }), { path: '/generation_id' })
  t.match(problem({ tokens: 1, confidence: 1, generation_id: '\ud800' }), { path: '/generation_id', message: /Unicode/ })
})

t.test('an error names all missing fields', async (t) => {
  t.same(problem({ tokens: 1 }), { path: '/confidence', message: 'is required' })
  t.same(problem({}), { path: '/tokens', message: 'is required; also missing: confidence' })
  t.same(problem({ tokens: 1, conf: 0.5 }), { path: '/confidence', message: 'is required; not known: "conf"' })
  t.match(problem({ tokens: 1, a: 1, b: 2 }), { message: 'is required; not known: "a", "b"' })
  t.match(problem({ tokens: 1, confidence: 1.5 }), { path: '/confidence', message: /^must be <= 1; Confidence of the worker/ })
  t.match(problem({ tokens: 1, confidence: -1 }), { path: '/confidence', message: /^must be >= 0; Confidence of the worker/ })
  const three = itemValidator({ type: 'object', properties: {}, required: ['a', 'b', 'c'] })
  t.same(three({}), { path: '/a', message: 'is required; also missing: b, c' })
})

t.test('paths are JSON pointers of bounded length', async (t) => {
  t.match(problem({ tokens: 1, confidence: 1, 'a/b~c': 1 }), { path: '/a~1b~0c' })
  t.ok(problem({ tokens: 1, confidence: 1, ['x'.repeat(10_000)]: 1 })!.path.length < 200)
})

t.test('the advice to wrap a list is given only for objects with a single list', async (t) => {
  const list = { type: 'array' }
  t.match(itemValidator({ type: 'object', properties: { a: list } })([]), { message: 'must be object: wrap what you send as {"a": [...]}' })
  t.match(itemValidator({ type: 'object', properties: { a: list, b: list } })([]), { message: /^must be object$/ })
})
