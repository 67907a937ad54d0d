import { readFile } from 'node:fs/promises'
import { Type } from '#typebox'
import t from 'tap'
import { ERROR_RESPONSES, errorResponsesOf, hoistSchemas, type Json, responseLinks } from '../../openapi/document.js'
import { described, objectOrNull, stating } from '../../openapi/field-schemas.js'
import { openapiDocument } from '../../src/cli/openapi.js'
import { ERROR_CODES } from '../../src/errors/error-codes.js'
import { certify, KEY, losslessOutcome } from '../certify.js'
import { sendConfirmed } from '../confirmed.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

const PlaceSchema = Type.Object({ city: Type.String() }, { title: 'Place', description: 'A place', examples: [{ city: 'Bonn' }] })

function hoisted (schema: object): { schemas: Record<string, Json>, schema: Json } {
  const schemas: Record<string, Json> = {}
  return { schema: hoistSchemas(structuredClone(schema) as Json, schemas), schemas }
}

t.test('a schema with a title becomes a component, without the examples that its body states', async (t) => {
  const { schema, schemas } = hoisted(Type.Object({ home: PlaceSchema, work: PlaceSchema }))
  t.strictSame((schema as any).properties, { home: { $ref: '#/components/schemas/Place' }, work: { $ref: '#/components/schemas/Place' } })
  t.strictSame(schemas, { Place: { type: 'object', title: 'Place', description: 'A place', properties: { city: { type: 'string' } }, required: ['city'] } })
  t.throws(() => hoisted(Type.Object({ home: PlaceSchema, other: Type.Object({}, { title: 'Place' }) })), /two schemas have the title Place/)
})

t.test('a use of a component keeps its own description, and a nullable use refers to the plain object', async (t) => {
  const { schema, schemas } = hoisted(Type.Object({ home: described(PlaceSchema, 'Where they live'), work: objectOrNull(PlaceSchema, 'null: none') }))
  t.strictSame((schema as any).properties, {
    home: { $ref: '#/components/schemas/Place', description: 'Where they live' },
    work: { anyOf: [{ $ref: '#/components/schemas/Place' }, { type: 'null' }], description: 'null: none' },
  })
  t.match(schemas, { Place: { type: 'object', description: 'A place' } })
})

t.test('a nullable list of values is a choice between the list and null', async (t) => {
  const schema = { type: ['string', 'null'], enum: ['a', 'b', null], description: 'Letter', examples: ['a'] }
  t.strictSame(hoisted(schema).schema, { anyOf: [{ type: 'string', enum: ['a', 'b'] }, { type: 'null' }], description: 'Letter', examples: ['a'] })
})

t.test('the document contains constraints that a schema only states', async (t) => {
  t.strictSame(hoisted(stating(Type.String({ minLength: 1 }), { pattern: '^a' })).schema, { type: 'string', minLength: 1, pattern: '^a' })
})

const text = await openapiDocument()
const document = JSON.parse(text)

t.test('openapi/openapi.json is up to date', async (t) => {
  t.equal(await readFile('openapi/openapi.json', 'utf8'), text, 'stale: run npm run openapi')
  const { send } = await build(t)
  t.strictSame((await send('GET', '/openapi.json')).body, document)
})

t.test('every field is described', async (t) => {
  const check = (title: string, schema: any): void => {
    for (const [name, property] of Object.entries<any>(schema.properties ?? schema.items?.properties ?? {})) {
      t.ok(property.description ?? property.$ref, `${title}.${name}`)
      check(`${title}.${name}`, property)
    }
  }
  for (const [title, schema] of Object.entries<any>(document.components.schemas)) check(title, schema)
  const names = new Set<string>()
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, { summary, description, tags, operationId, parameters = [] }] of Object.entries<any>(operations)) {
      t.ok(summary && description && tags.length === 1, `${method} ${path} has a summary, a description and a tag`)
      t.match(operationId, /^[a-z]+([A-Z][a-z]+)*$/, `${method} ${path} states an operationId, which generated clients name its function after`)
      t.notOk(names.has(operationId), `${operationId} is unique`)
      names.add(operationId)
      for (const { name, description } of parameters) t.ok(description, `${method} ${path} ${name}`)
    }
  }
})

t.test('every operation states its role', async (t) => {
  t.match(document.components.securitySchemes, { bearer: { type: 'http', scheme: 'bearer' } })
  const OPEN = ['/livez', '/readyz']
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, { security }] of Object.entries<any>(operations)) {
      if (OPEN.includes(path)) t.same(security, [], `${method} ${path}`)
      else t.match(security, [{ bearer: [/^(worker|trainer|operator|metrics)$/] }], `${method} ${path}`)
    }
  }
})

t.test('every example is accepted', async (t) => {
  const built = await build(t)
  await certify(built, { model: 'qwen3-8b', task: 'gsm8k' })
  await built.send('POST', '/v1/outcomes', { ...losslessOutcome('unlabelled'), em: undefined })
  const predictor = document.paths['/v1/predictors/{name}'].put.requestBody.content['application/json'].example
  await built.predictors.put('p', predictor, { by: 'test' })
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, { requestBody, parameters = [] }] of Object.entries<any>(operations)) {
      if (path === '/v1/events') continue // it does not end: see test/routes/events-routes.test.ts
      const body = requestBody?.content['application/json'].example
      if (requestBody) t.ok(body, `${method} ${path} has an example`)
      const url = `${path.replace('{key}', '*').replace('{generation_id}', 'unlabelled').replace('{name}', 'p')}${queryOf(parameters)}`
      const isConfirmed = parameters.some(({ name }: { name: string }) => name === 'confirm')
      const { status } = await (isConfirmed ? sendConfirmed(built, method.toUpperCase() as 'GET', url, body) : built.send(method.toUpperCase() as 'GET', url, body))
      t.ok(status >= 200 && status < 300, `${method} ${path} answers ${status}`)
    }
  }
})

t.test('an example that is sent unedited changes no threshold of the fleet', async (t) => {
  const built = await build(t)
  await certify(built)
  const fleet = async () => (await built.send('GET', `/v1/contexts?prefix=${encodeURIComponent(KEY)}`)).body.contexts
    .map(({ threshold, epoch, pin, mode }: any) => ({ threshold, epoch, pin, mode }))
  const before = await fleet()
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, { requestBody, parameters = [], tags }] of Object.entries<any>(operations)) {
      if (method === 'get' || tags[0] !== 'operate') continue
      const url = path.replace('{key}', encodeURIComponent(parameters.find(({ name }: { name: string }) => name === 'key')?.example))
      await built.send(method.toUpperCase() as 'PUT', `${url}${queryOf(parameters)}`, requestBody?.content['application/json'].example)
    }
  }
  await until('all is learned', async () => (await built.store.revision()).lag === 0)
  t.strictSame(await fleet(), before)
})

/** The query that an operation can't do without, of its examples. */
function queryOf (parameters: { in: string, name: string, required?: boolean, example?: unknown }[]): string {
  const needed = parameters.filter((parameter) => parameter.in === 'query' && parameter.required)
  return '?' + needed.map(({ name, example }) => `${name}=${encodeURIComponent(String(example))}`).join('&')
}

t.test('every declared status is one of an error', async (t) => {
  const declared = Object.keys(errorResponsesOf(false))
  t.same(declared, ['400', '401', '403', '429', '503', 'default'])
  const statuses = new Set(ERROR_CODES.map(({ status }) => String(status)))
  t.same(declared.slice(0, -1).filter((status) => !statuses.has(status)), [])
  t.same(Object.keys(errorResponsesOf(true)), ['400', 'default'], 'a route that needs no token has no error about it')
})

t.test('the headers that error replies declare are sent', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ ci: 'metrics' }, { ci: { requests_per_second: 1 } }) })
  const call = async (method: 'GET' | 'DELETE', url: string, headers = {}) => await send(method, url, undefined, headers)
  const replies = {
    Unauthenticated: await call('GET', '/metrics'),
    Forbidden: await call('GET', '/v1/snapshot', bearer('ci')),
    TooManyRequests: await call('GET', '/metrics', bearer('ci')),
    OtherError: await call('DELETE', '/metrics'),
  }
  t.same(Object.values(replies).map(({ status }) => status), [401, 403, 429, 405])
  for (const [name, { headers, body }] of Object.entries(replies)) {
    const declared: { headers?: object } = ERROR_RESPONSES[name as keyof typeof replies]
    for (const header of Object.keys(declared.headers ?? {})) t.ok(headers[header.toLowerCase()], `${name}: ${header}`)
    t.type(body.code, 'string', `${name}: the body is an error`)
  }
})

const linkedDocument = JSON.parse(await openapiDocument())
const operations = Object.values<any>(linkedDocument.paths).flatMap((path) => Object.values<any>(path))
const byName = new Map(operations.map((operation) => [operation.operationId, operation]))

/** The schema that a runtime expression such as `$response.body#/contexts/0/key` points to, references resolved. */
function schemaAt (schema: any, pointer: string): any {
  const names = pointer.split('/').slice(1)
  return names.reduce((inner, name) => {
    const { properties = {}, items, anyOf } = resolve(inner) ?? {}
    return properties[name] ?? (/^\d+$/.test(name) ? items : anyOf?.map(resolve).find((one: any) => one.properties)?.properties[name])
  }, schema)
}

function resolve (schema: any): any {
  return typeof schema?.$ref === 'string' ? linkedDocument.components.schemas[schema.$ref.split('/').at(-1)] : schema
}

/** Whether the reply or request of an operation has what an expression reads. */
function exists (operation: any, status: string, expression: string): boolean {
  const [, side, part, rest = ''] = /^\$(request|response)\.(body|path|header)(.*)$/.exec(expression) ?? []
  if (part === 'path') return operation.parameters.some(({ name }: { name: string }) => `.${name}` === rest)
  if (part === 'header') return Object.keys(operation.responses[status].headers).some((name) => `.${name}` === rest)
  const content = side === 'request' ? operation.requestBody.content : operation.responses[status].content
  return schemaAt(content['application/json'].schema, rest.slice(1)) !== undefined
}

t.test('every link leads to an operation, with values that exist', async (t) => {
  let count = 0
  for (const operation of operations) {
    for (const [status, links] of responseLinks(operation.operationId)) {
      t.strictSame(operation.responses[status].links, links, `the document has the links of ${operation.operationId}`)
      for (const { operationId, parameters = {}, requestBody } of Object.values(links)) {
        const target = byName.get(operationId)
        t.ok(target, `${operation.operationId} leads to ${operationId}`)
        for (const [name, expression] of Object.entries(parameters)) {
          t.ok(target.parameters.some((parameter: { name: string }) => parameter.name === name), `${operationId} has the parameter ${name}`)
          t.ok(exists(operation, status, expression), `${operation.operationId} has ${expression}`)
        }
        for (const expression of typeof requestBody === 'string' ? [requestBody] : Object.values(requestBody ?? {}) as string[]) {
          t.ok(exists(operation, status, expression), `${operation.operationId} has ${expression}`)
        }
        count++
      }
    }
  }
  t.ok(count > 40)
  t.same(responseLinks('unknown'), [])
})

t.test('a list of warnings that describes some of those about a context describes all', async (t) => {
  const lists: Array<{ enum: string[], description: string }> = []
  JSON.parse(text, (_, value) => {
    if (value?.type === 'array' && value.items?.enum?.includes('fidelity_low') && value.description.includes('outcomes_missing')) lists.push({ ...value.items, description: value.description })
    return value
  })
  t.ok(lists.length >= 3, `${lists.length}`)
  for (const { enum: warnings, description } of lists) t.same(warnings.filter((warning) => !description.includes(`${warning}: `)), [])
})
