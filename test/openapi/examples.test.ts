import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { openapiDocument } from '../../src/cli/openapi.js'

const document = JSON.parse(await openapiDocument())
const ajv = new Ajv2020({
  strict: false,
  formats: {
    text128: (text: string) => Buffer.byteLength(text) <= 128,
    signal128: true,
    run128: true,
    text4096: true,
    'date-time': (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text)),
  },
})
ajv.addSchema(document, 'document')

/** A schema and a value that must meet it, with the place of the schema. */
interface Example { readonly place: string, readonly value: unknown }

/** Every example and default of the document. A pointer into the document names the schema, so that references are resolved. */
function * examplesIn (value: unknown, place = ''): Generator<Example> {
  if (typeof value !== 'object' || value === null) return
  const { example, examples, default: preset, schema } = value as Record<string, any>
  const isSchema = schema === undefined
  const of = isSchema ? place : `${place}/schema`
  if (isSchema && Array.isArray(examples)) for (const one of examples) yield { place: of, value: one }
  if (isSchema && preset !== undefined) yield { place: of, value: preset }
  if (!isSchema && example !== undefined) yield { place: of, value: example }
  if (!isSchema && examples !== undefined) for (const one of Object.values<any>(examples)) yield { place: of, value: one.value }
  for (const [name, inner] of Object.entries(value)) {
    if (['example', 'examples', 'default', 'enum', 'links'].includes(name)) continue
    yield * examplesIn(inner, `${place}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  }
}

t.test('every example and default meets its schema', async (t) => {
  let count = 0
  for (const { place, value } of examplesIn(document)) {
    const validate = ajv.compile({ $ref: `document#${encodeURI(place)}` })
    t.ok(validate(value), place, { errors: validate.errors, value })
    count++
  }
  t.ok(count > 150, `${count} examples`)
})

t.test('every body that is JSON has an example', async (t) => {
  const responses = Object.values<any>(document.components.responses)
  const operations = Object.values<any>(document.paths).flatMap((path) => Object.values<any>(path))
  const own = operations.flatMap(({ requestBody = {}, responses }) => [requestBody, ...Object.values<any>(responses)])
  for (const { content = {} } of [...responses, ...own]) {
    const { 'application/json': json } = content
    if (json !== undefined) t.ok(json.example ?? json.examples, JSON.stringify(json.schema))
  }
})
