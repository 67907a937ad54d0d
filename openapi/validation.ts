import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { SLACK } from './field-schemas.js'
import type { Problem } from '../src/errors/problem.js'

const byteLength = (max: number) => (text: string): boolean =>
  (text.length * 3 <= max || Buffer.byteLength(text) <= max) && text.isWellFormed()

const options = {
  allErrors: false,
  verbose: true, // errors carry their schema, whose description is the remedy
  removeAdditional: false,
  strict: false,
  formats: {
    text128: byteLength(128),
    run128: (text: string) => text !== '.' && text !== '..' && byteLength(128)(text),
    text4096: byteLength(4096),
    'date-time': true,
  },
} as const

/** Bodies are JSON and are not coerced; query strings and path parameters are text and are. */
const bodies = new Ajv({ ...options, coerceTypes: false, useDefaults: false })
const texts = new Ajv({ ...options, coerceTypes: true, useDefaults: true })

/** Fastify's validator compiler. */
export function validatorCompiler ({ schema, httpPart }: { schema: object, httpPart?: string }): ValidateFunction {
  return (httpPart === 'body' ? bodies : texts).compile(schema)
}

/** A validator of one item of a batch: `null`, or what is wrong. */
export function itemValidator (schema: object): (item: unknown) => Problem | null {
  const validate = bodies.compile(schema)
  return (item) => validate(item) ? null : problemOf(validate.errors![0]!)
}

/** The first thing Ajv found, in words that say what to change. */
export function problemOf (error: ErrorObject): Problem {
  const { keyword, params, instancePath, message, parentSchema } = error
  if (keyword === 'additionalProperties') {
    const known = Object.keys(parentSchema?.properties ?? {}).join(', ')
    const reasons: Readonly<Record<string, string>> = parentSchema?.refused ?? {}
    const name: string = params.additionalProperty
    const reason = Object.hasOwn(reasons, name) && `can't be asked here: ${reasons[name]}`
    return { path: `${instancePath}/${escape(params.additionalProperty)}`, message: reason || `unknown field, leave it out${known && `; the fields are ${known}`}` }
  }
  if (keyword === 'required') return { path: `${instancePath}/${escape(params.missingProperty)}`, message: `is required${wrapping(parentSchema) || alsoMissing(error) + odd(error)}` }
  const allowed = keyword === 'enum' ? `: ${params.allowedValues.map((value: unknown) => JSON.stringify(value)).join(', ')}` : ''
  const limit = params.limit === 1 + SLACK ? 'must be <= 1' : params.limit === -SLACK ? 'must be >= 0' : message
  const remedy = parentSchema?.description ? `; ${parentSchema.description}` : keyword === 'type' ? wrapping(parentSchema) : ''
  return { path: instancePath, message: `${keyword === 'format' ? 'is too long, not valid Unicode or not allowed' : limit}${allowed}${remedy}` }
}

/** What to do with a list, or one thing, where a list in an object was to come: all that a batch has. */
function wrapping (schema: ErrorObject['parentSchema']): string {
  const [[name, { type }] = ['', {} as { type?: string }], ...others] = Object.entries<{ type?: string }>(schema?.properties ?? {})
  return type === 'array' && others.length === 0 ? `: wrap what you send, {"${name}": [...]}` : ''
}

/** Ajv stops at the first field that is missing: the others, so that nobody learns of them one by one. */
function alsoMissing ({ schema, data, params: { missingProperty: first } }: ErrorObject): string {
  const others = (schema as readonly string[]).filter((name) => name !== first && !Object.hasOwn(data as object, name))
  return others.length === 0 ? '' : `, and so ${others.length === 1 ? 'is' : 'are'} ${others.join(', ')}`
}

/** What is there under a name that is none, perhaps the one that is missing. */
function odd ({ parentSchema, data }: ErrorObject): string {
  if (parentSchema?.additionalProperties !== false) return ''
  const names: string[] = []
  for (const name in data as object) {
    if (!Object.hasOwn(parentSchema.properties ?? {}, name)) names.push(JSON.stringify(name.slice(0, 64)))
    if (names.length === 3) break
  }
  return names.length === 0 ? '' : `; ${names.join(', ')} ${names.length === 1 ? 'is no field' : 'are no fields'} here`
}

function escape (name: string): string {
  return name.slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A validator compiler for a route whose document shows a stricter schema than the one its body must meet as a whole. */
export function validatorFor (schema: object): (route: { httpPart?: string }) => ValidateFunction {
  return ({ httpPart }) => validatorCompiler({ schema, ...(httpPart && { httpPart }) })
}
