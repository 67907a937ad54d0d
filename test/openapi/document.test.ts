import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openapiDocument } from '../../src/cli/openapi.js'
import { certify, KEY, losslessOutcome } from '../certify.js'
import { sendConfirmed } from '../confirmed.js'
import { build, until } from '../helper.js'

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
  const predictor = document.paths['/v1/model/predictors/{name}'].put.requestBody.content['application/json'].example
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
