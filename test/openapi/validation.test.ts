import { Ajv } from 'ajv'
import t from 'tap'
import { EnrolmentsSchema } from '../../openapi/bundle-schemas.js'
import { StepSchema } from '../../openapi/decision-schemas.js'
import { LabelSchema, OutcomeSchema } from '../../openapi/outcome-schemas.js'
import { itemValidator, lenient, normalizeBody, serializerCompiler, toNullable } from '../../openapi/validation.js'

/** A body with every optional field null, at every depth, beside the required ones. */
function withNulls (schema: object, body: Record<string, unknown>): Record<string, unknown> {
  const { properties = {}, required = [] } = schema as { properties?: object, required?: string[] }
  return { ...Object.fromEntries(Object.keys(properties).filter((name) => !required.includes(name)).map((name) => [name, null])), ...body }
}

const step = (OutcomeSchema.properties.steps as unknown as { items: object }).items
const enrolled = EnrolmentsSchema.properties.generations.items
const BODIES: ReadonlyArray<[name: string, schema: object, body: Record<string, unknown>, minimal: Record<string, unknown>]> = [
  ['step', StepSchema, {}, { tokens: 1, confidence: 0.5 }],
  ['outcome', OutcomeSchema, { steps: [withNulls(step, { tokens: 1, confidence: null })] }, { generation_id: 'g', tokens: 1, steps: [{ tokens: 1, confidence: null }] }],
  ['label', LabelSchema, {}, { em: 1 }],
  ['enrolments', EnrolmentsSchema, { generations: [withNulls(enrolled, { group_id: 'g' })] }, { epoch: null, share: 1, age_ms: 0, generations: [{ group_id: 'g' }] }],
]

t.test('null in an optional field counts as absent', async (t) => {
  for (const [name, schema, nulls, minimal] of BODIES) {
    const body = withNulls(schema, { ...minimal, ...nulls })
    t.ok(new Ajv({ strict: false, validateFormats: false }).compile(lenient(schema))(body), `${name}: the document says so`)
    t.equal(itemValidator(schema)(body), null, name)
    const { probed_score: _, ...rest } = body
    t.strictSame(rest, minimal, `${name}: the field is ignored`)
  }
})

t.test('null in a required field is refused, and so is an unknown one', async (t) => {
  t.match(itemValidator(StepSchema)({ tokens: null, confidence: 0.5, arm: null }), { path: '/tokens' })
  t.match(itemValidator(StepSchema)({ tokens: 1, confidence: 0.5, arms: null }), { path: '/arms' })
  t.match(itemValidator(EnrolmentsSchema)({ epoch: null, share: 1, age_ms: 0, generations: [{ group_id: null }] }), { path: '/generations/0/generation_id' })
})

t.test('EM may be true or false wherever it is stated', async (t) => {
  const outcome = { generation_id: 'g', tokens: 1, em: true, steps: [{ tokens: 1, confidence: 1, em: false }] }
  t.equal(itemValidator(OutcomeSchema)(outcome), null)
  t.match(outcome, { em: 1, steps: [{ em: 0 }] })
  const label = { em: true, steps: [true, null, false, 1] }
  t.equal(itemValidator(LabelSchema)(label), null)
  t.strictSame(label, { em: 1, steps: [1, null, 0, 1] })
  t.match(itemValidator(OutcomeSchema)({ generation_id: 'g', tokens: 1, stopped: 1 }), { path: '/stopped' }, 'a number is no truth value')
  t.match(itemValidator(OutcomeSchema)({ generation_id: 'g', tokens: true }), { path: '/tokens' }, 'nor is a truth value a number')
})

t.test('a valid body is left as it is', async (t) => {
  const body = { tokens: 1, confidence: null, probed_score: null }
  t.equal(normalizeBody(StepSchema, body), false)
  t.strictSame(body, { tokens: 1, confidence: null, probed_score: null })
  for (const odd of [null, 1, 'x', [null], [[]]]) t.equal(normalizeBody(StepSchema, odd), false)
})

t.test('toNullable lets any schema accept null, and does not change a schema that does', async (t) => {
  t.strictSame(toNullable({ type: 'string', enum: ['a'] }), { type: ['string', 'null'], enum: ['a', null] })
  t.strictSame(toNullable({ type: ['number', 'null'] }), { type: ['number', 'null'] })
  t.strictSame(toNullable({ anyOf: [{ type: 'number' }] }), { anyOf: [{ type: 'number' }, { type: 'null' }] })
})

t.test('a reply has the fields of its schema and no others', async (t) => {
  const serialize = serializerCompiler({ schema: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } } })
  t.equal(serialize({ b: 'x', a: 1, secret: 2 }), '{"a":1,"b":"x"}')
  t.equal(serialize({ a: 2 }), '{"a":2}', 'the next reply too')
})

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
