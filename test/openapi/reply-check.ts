import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Schema } from '../slow/fuzz/from-schema.js'
import type { Operation } from '../slow/fuzz/request.js'

export interface Reply { readonly status: number, readonly headers: Record<string, unknown>, readonly body: string }

/** The problem of a reply by the document: status, type of content, or a body that its schema does not allow; or `null`. */
export type ReplyCheck = (operation: Operation, reply: Reply) => string | null

export function replyCheck (document: Schema): ReplyCheck {
  const ajv = new Ajv2020({ strict: false, formats: { text128: true, text4096: true, 'date-time': (text: string) => new Date(text).toISOString() === text } })
  ajv.addSchema(closed(document), 'document')
  const validators = new Map<string, ValidateFunction>()
  const validatorAt = (pointer: string) => {
    if (!validators.has(pointer)) validators.set(pointer, ajv.getSchema(`document${pointer}`)!)
    return validators.get(pointer)!
  }

  return ({ method, path, schema }, { status, headers, body }) => {
    // A refusal may come before any route is found, so an error is an error everywhere.
    const listed = schema.responses[status] !== undefined ? String(status) : `${String(status)[0]}XX`
    const isListed = schema.responses[listed] !== undefined
    if (!isListed && status < 400) return `status ${status} is not in the document`
    const shared = schema.responses[listed]?.$ref as string | undefined // '#/components/responses/NAME'
    const response = shared === undefined ? schema.responses[listed] : document.components.responses[shared.split('/').at(-1)!]
    const content = isListed ? response.content : { 'application/json': {} }
    if (content === undefined) return body === '' ? null : `a body with ${status}: ${body}`
    const type = String(headers['content-type']).split(';')[0]!
    if (content[type] === undefined) return `content-type ${type}, not ${Object.keys(content)}`
    if (type !== 'application/json') return null
    const pointer = shared !== undefined
      ? `${shared}${pointerTo('content', type, 'schema').slice(1)}`
      : isListed ? pointerTo('paths', path, method.toLowerCase(), 'responses', listed, 'content', type, 'schema') : pointerTo('components', 'schemas', 'Error')
    const validate = validatorAt(pointer)
    const value: unknown = JSON.parse(body)
    const { statusCode = status } = value as { statusCode?: number }
    if (validate(value)) return statusCode === status ? null : `it says ${statusCode}`
    return `${ajv.errorsText(validate.errors)}: ${body.slice(0, 500)}`
  }
}

function pointerTo (...names: string[]): string {
  return '#/' + names.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
}

/** The same document in which an object has the fields it lists and no others. */
function closed (value: any, isProperties = false): any {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => closed(item))
  const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, closed(inner, name === 'properties' && !isProperties)]))
  const isObject = !isProperties && copy.properties !== undefined && copy.additionalProperties === undefined
  return isObject ? { ...copy, additionalProperties: false } : copy
}
