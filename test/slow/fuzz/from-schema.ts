import fc from 'fast-check'

/** A JSON schema of the OpenAPI document. */
export type Schema = Record<string, any>

/** Words with a meaning to JavaScript, Redis, HTTP, logs or Prometheus, and names that the state of the service already has. */
export const WORDS = [
  'model', 'task', 'q', 'gsm8k', 'g1', 'g2', 'g3', 'req-8f2c', 'unlabelled', '*', '-', 'model=q', 'model=q,task=gsm8k', '__proto__', 'constructor',
  'toString', '{stopgate}:log', 'a\r\nb: c', '"}\n{"level":60', '\u0000', '\u2028', '%41', '=', ',', '\u{1F600}', 'é'.repeat(64), 'x'.repeat(128), '\\', 'NaN', '../..',
]

const word = fc.oneof(fc.constantFrom(...WORDS), fc.string({ unit: 'binary', maxLength: 20 }))

/** Values that a schema allows. References are looked up in the document. */
export function valid (schema: Schema, document: Schema): fc.Arbitrary<unknown> {
  const inner = (other: Schema): fc.Arbitrary<unknown> => valid(other, document)
  if (schema.$ref !== undefined) return inner(at(document, schema.$ref))
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) {
    // A branch may add to the schema beside `anyOf`, for example where at least one of two properties is required.
    const { anyOf, ...beside } = schema
    return fc.oneof(...anyOf.map((branch: Schema) => inner({ ...beside, ...branch })))
  }
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type: string) => inner({ ...schema, type })))
  switch (schema.type) {
    case 'null': return fc.constant(null)
    case 'boolean': return fc.boolean()
    case 'integer': return numbers(schema, (min, max) => fc.integer({ min, max }))
    case 'number': return numbers(schema, (min, max) => fc.double({ min, max, noNaN: true }))
    case 'string': return texts(schema)
    case 'array': return items(schema, inner)
    case 'object': return objects(schema, inner)
  }
  throw new Error(`no values for ${JSON.stringify(schema)}`)
}

/** The value that a JSON pointer of the document, such as `#/a/b`, points to. */
export function at (document: Schema, pointer: string): Schema {
  return pointer.slice(2).split('/').reduce((place, name) => place[name], document)
}

type Between = (min: number, max: number) => fc.Arbitrary<number>

/** Small numbers, which have the interesting cases, and the ends of the range. */
function numbers (schema: Schema, between: Between): fc.Arbitrary<number> {
  const { exclusiveMinimum = -1e308, exclusiveMaximum = 1e308 } = schema
  const { minimum = exclusiveMinimum + 1e-9, maximum = exclusiveMaximum - 1e-9 } = schema
  const min = Math.max(minimum, -(2 ** 31))
  const max = Math.min(maximum, 2 ** 31 - 1)
  const ends = fc.constantFrom(min, max, minimum, maximum).filter((end) => Math.abs(end) < 1e300)
  return fc.oneof(between(min, Math.min(max, min + 100)), between(min, max), ends)
}

function items ({ items, minItems = 0, maxItems = 5 }: Schema, inner: (schema: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> {
  return fc.array(inner(items), { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 5)) })
}

function texts ({ minLength = 0, maxLength = 200, format, pattern }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) { // fast-check knows no lookahead
    const wanted = new RegExp(pattern, 'u')
    return fc.stringMatching(new RegExp(pattern.replace(/\(\?!.*?\)/g, ''), 'u')).filter((text) => wanted.test(text))
  }
  const bytes = format === 'text128' || format === 'signal128' ? 128 : format === 'text4096' ? 4096 : Infinity
  return word.map((text) => text.toWellFormed())
    .filter((text) => [...text].length >= minLength && text.length <= maxLength && Buffer.byteLength(text) <= bytes)
}

function objects (schema: Schema, inner: (schema: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  const { properties, required = [], additionalProperties, maxProperties = 5 } = schema
  if (properties !== undefined) {
    const members = Object.entries<Schema>(properties).map(([name, property]) => [name, inner(property)])
    return fc.record(Object.fromEntries(members), { requiredKeys: required })
  }
  const name = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('model', 'task') }, { weight: 1, arbitrary: fc.constantFrom(...WORDS) })
  return fc.dictionary(name.filter((text) => text !== '__proto__'), inner(additionalProperties), { maxKeys: Math.min(maxProperties, 3) })
}
