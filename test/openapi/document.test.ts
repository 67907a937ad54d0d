import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openapiDocument } from '../../src/commands/openapi/print-openapi.js'
import { certify, losslessOutcome } from '../certify.js'
import { build } from '../helper.js'

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
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, { summary, tags, operationId, parameters = [] }] of Object.entries<any>(operations)) {
      t.ok(summary && tags.length === 1, `${method} ${path}`)
      t.match(operationId, /^[a-z]\w+$/, `${method} ${path}: for generated clients`)
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
  const predictor = document.paths['/v1/model/predictors/{name}'].put.requestBody.content['application/json'].example
  await built.predictors.put('p', predictor, { by: 'test' })
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, { requestBody, parameters = [] }] of Object.entries<any>(operations)) {
      const body = requestBody?.content['application/json'].example
      if (requestBody) t.ok(body, `${method} ${path} has an example`)
      const { status } = await built.send(method.toUpperCase() as 'GET', `${path.replace('{key}', '*').replace('{generation_id}', 'unlabelled').replace('{name}', 'p')}${queryOf(parameters)}`, body)
      t.ok(status >= 200 && status < 300, `${method} ${path} answers ${status}`)
    }
  }
})

/** The query that an operation can't do without, of its examples. */
function queryOf (parameters: { in: string, name: string, required?: boolean, example?: unknown }[]): string {
  const needed = parameters.filter((parameter) => parameter.in === 'query' && parameter.required)
  return '?' + needed.map(({ name, example }) => `${name}=${encodeURIComponent(String(example))}`).join('&')
}
