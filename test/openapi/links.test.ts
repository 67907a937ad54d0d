import t from 'tap'
import { responseLinks } from '../../openapi/links.js'
import { openapiDocument } from '../../src/cli/openapi.js'

const document = JSON.parse(await openapiDocument())
const operations = Object.values<any>(document.paths).flatMap((path) => Object.values<any>(path))
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
  return typeof schema?.$ref === 'string' ? document.components.schemas[schema.$ref.split('/').at(-1)] : schema
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
