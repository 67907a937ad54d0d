import fc from 'fast-check'
import { valid, WORDS, type Schema } from './from-schema.js'
import { noJson, spoiled } from './spoil.js'

export interface Operation { readonly method: string, readonly path: string, readonly schema: Schema }

export interface FuzzRequest {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly payload?: string
}

export function operationsOf (document: Schema): Operation[] {
  return Object.entries<Schema>(document.paths).flatMap(([path, operations]) =>
    Object.entries<Schema>(operations).map(([method, schema]) => ({ method: method.toUpperCase(), path, schema })))
    .filter(({ path }) => path !== '/v1/events') // its replies never end
}

/** Requests to one operation: such as the document allows, and such as it does not. */
export function requestTo ({ method, path, schema }: Operation, document: Schema): fc.Arbitrary<FuzzRequest> {
  const parameters: Schema[] = schema.parameters ?? []
  const url = fc.tuple(
    fc.tuple(...parameters.filter((parameter) => parameter.in === 'path').map((parameter) => segment(parameter, document))),
    query(parameters.filter((parameter) => parameter.in === 'query'), document)
  ).map(([segments, search]) => {
    const left = [...segments]
    return path.replace(/\{\w+\}/g, () => left.shift()!) + search
  })
  return fc.tuple(url, payload(schema, document), headers).map(([url, payload, headers]) => ({
    method, url, ...(payload !== undefined && { payload }), headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...headers },
  }))
}

const anyText = fc.oneof(fc.constantFrom(...WORDS), fc.string({ unit: 'binary', maxLength: 30 })).map((text) => encodeURIComponent(text.toWellFormed()))
const noText = fc.constantFrom('%', '%zz', '%00', '%ff', '%C3%28', '..', '.', 'x'.repeat(5000), '%2F', '%25', '+', '%E2%80%A8')

/** Half of the keys are of contexts that there are. */
function segment ({ schema, name }: Schema, document: Schema): fc.Arbitrary<string> {
  const known = name === 'key' ? ['*', 'model=q', 'model=q,task=gsm8k'] : ['unlabelled', 'g1']
  const allowed = fc.oneof(fc.constantFrom(...known), valid(schema, document)).map((value) => encodeURIComponent(String(value)))
  return fc.oneof({ weight: 8, arbitrary: allowed }, { weight: 1, arbitrary: anyText }, { weight: 1, arbitrary: noText })
}

function query (parameters: Schema[], document: Schema): fc.Arbitrary<string> {
  const allowed = fc.tuple(...parameters.map(({ name, schema, required }) => {
    const pair = valid(schema, document).map((value) => `${name}=${encodeURIComponent(String(value))}`)
    return required ? pair : fc.option(pair, { nil: '' })
  })).map((pairs) => pairs.filter(Boolean).join('&'))
  const name = fc.oneof(fc.constantFrom('__proto__', 'x', ...parameters.map(({ name }) => name as string)), anyText)
  const pair = fc.tuple(name, fc.oneof(anyText, noText)).map((parts) => parts.join('='))
  const wrong = fc.array(pair, { maxLength: 3 }).map((pairs) => pairs.join('&'))
  return fc.oneof({ weight: 4, arbitrary: allowed }, { weight: 1, arbitrary: wrong }).map((text) => text === '' ? '' : `?${text}`)
}

/** Also where the operation takes none. */
function payload ({ requestBody }: Schema, document: Schema): fc.Arbitrary<string | undefined> {
  const none = fc.constant(undefined)
  if (requestBody === undefined) return fc.oneof({ weight: 4, arbitrary: none }, { weight: 1, arbitrary: fc.oneof(noJson, fc.json()) })
  const { schema, example } = requestBody.content['application/json']
  const body = fc.oneof(valid(schema, document), fc.constant(example))
  return fc.oneof(
    { weight: 4, arbitrary: body.map((value) => JSON.stringify(value)) },
    { weight: 4, arbitrary: spoiled(body) },
    { weight: 1, arbitrary: noJson },
    { weight: 1, arbitrary: none })
}

const header = fc.record({
  'content-type': fc.constantFrom(
    'text/plain', 'application/json; charset=latin1', 'application/jsonx', '', 'application/x-www-form-urlencoded', ';', 'multipart/form-data',
    'application/json;__proto__=1'),
  'x-request-id': fc.constantFrom('ok-1', '"}', 'a b', 'x'.repeat(200), '__proto__'),
  authorization: fc.constantFrom('Bearer x', 'Bearer', 'Basic Og==', 'bearer  y '),
  accept: fc.constantFrom('text/html', '*/*', 'image/png;q=0'),
  'accept-encoding': fc.constantFrom('br', 'identity;q=0'),
  'content-encoding': fc.constant('gzip'),
  expect: fc.constant('200-ok'),
  'x-forwarded-for': fc.constant('127.0.0.1'),
  'x-http-method-override': fc.constant('DELETE'),
}, { requiredKeys: [] })

const headers = fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: header })
