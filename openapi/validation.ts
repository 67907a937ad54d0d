import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import fastJsonStringify from 'fast-json-stringify'
import { REPLACEMENT_CHARACTER } from '../src/core/policy/index.js'
import { isTime } from '../src/core/training/index.js'
import type { Problem } from '../src/errors/errors.js'
import { FLOAT32_TOLERANCE } from './field-schemas.js'

const byteLength = (max: number) => (text: string): boolean =>
  (text.length * 3 <= max || Buffer.byteLength(text) <= max) && text.isWellFormed()

const name128 = (text: string): boolean => byteLength(128)(text) && !text.includes(REPLACEMENT_CHARACTER)

/** Stored ids that begin with a zero character carry the scope of a token (`scopedId`), which callers must not be able to write. */
const id128 = (text: string): boolean => text.charCodeAt(0) !== 0 && name128(text)

const options = {
  allErrors: false,
  verbose: true, // errors then carry their schema, whose description says what to change
  removeAdditional: false,
  strict: false,
  validateSchema: false, // the schemas are our own, and compiling the meta-schema took a tenth of a start
  code: { optimize: false }, // V8 optimizes anyway: this took a quarter of the time of compiling, and validators were no faster
  formats: {
    text128: id128,
    signal128: (text: string) => text !== '__proto__' && name128(text),
    run128: (text: string) => text !== '.' && text !== '..' && name128(text),
    text4096: byteLength(4096),
    text65536: byteLength(65_536),
    'date-time': isTime,
  },
} as const

/** Bodies are JSON and are not coerced. Query strings and path parameters are text and are coerced. */
const bodies = new Ajv({ ...options, coerceTypes: false, useDefaults: false })
const texts = new Ajv({ ...options, coerceTypes: true, useDefaults: true })

/**
 * Fastify's validator compiler. A validator is compiled when the first request needs it, since most processes receive requests for few
 * routes, and compiling all validators took a fifth of a start. Those of steps and outcomes are compiled at the start, by `itemValidator`
 * and `validatorFor`.
 */
export function validatorCompiler ({ schema, httpPart }: { schema: object, httpPart?: string }): ValidateFunction {
  let validate: ValidateFunction | undefined
  const compiling = (value: unknown): boolean => {
    validate ??= httpPart === 'body' ? bodyValidator(schema) : texts.compile(schema)
    const isValid = validate(value) as boolean
    compiling.errors = validate.errors
    return isValid
  }
  compiling.errors = null as ValidateFunction['errors']
  return compiling as ValidateFunction
}

/** A validator that normalizes a body only if its schema refuses it, so that valid bodies cost nothing more. */
function bodyValidator (schema: object): ValidateFunction {
  const validate = bodies.compile(schema)
  const normalizing = (body: unknown): boolean => {
    const isValid = validate(body) || (normalizeBody(schema, body) && validate(body))
    normalizing.errors = validate.errors
    return isValid
  }
  normalizing.errors = validate.errors
  return normalizing as ValidateFunction
}

/** A validator of one item of a batch, which returns `null` for a valid item. */
export function itemValidator (schema: object): (item: unknown) => Problem | null {
  const validate = bodyValidator(schema)
  return (item) => validate(item) ? null : problemOf(validate.errors![0]!)
}

const NO_TIME = 'must be an existing RFC 3339 time such as 2026-01-31T12:00:00Z, without leap seconds'
const NO_TEXT = 'is too long, is not valid Unicode, begins with U+0000, or is not allowed'

/** Turns the first error that Ajv found into a message that says what to change. */
export function problemOf (error: ErrorObject): Problem {
  const { keyword, params, instancePath, message, parentSchema } = error
  if (keyword === 'additionalProperties') {
    const known = Object.keys(parentSchema?.properties ?? {}).join(', ')
    const reasons: Readonly<Record<string, string>> = parentSchema?.refused ?? {}
    const name: string = params.additionalProperty
    const reason = Object.hasOwn(reasons, name) && `cannot be set here: ${reasons[name]}`
    return { path: `${instancePath}/${escape(params.additionalProperty)}`, message: reason || `is not a known field: remove it${known && `; the fields are ${known}`}` }
  }
  if (keyword === 'required') return { path: `${instancePath}/${escape(params.missingProperty)}`, message: `is required${wrapping(parentSchema) || alsoMissing(error) + unknownFields(error)}` }
  const allowed = keyword === 'enum' ? `: ${params.allowedValues.map((value: unknown) => JSON.stringify(value)).join(', ')}` : ''
  const limit = params.limit === 1 + FLOAT32_TOLERANCE ? 'must be <= 1' : params.limit === -FLOAT32_TOLERANCE ? 'must be >= 0' : message
  const remedy = parentSchema?.description ? `; ${parentSchema.description}` : keyword === 'type' ? wrapping(parentSchema) : ''
  const said = keyword !== 'format' ? limit : params.format === 'date-time' ? NO_TIME : NO_TEXT
  return { path: instancePath, message: `${said}${allowed}${remedy}` }
}

/** The message for a client that sent a bare list or item instead of an object with one list, such as a batch. */
function wrapping (schema: ErrorObject['parentSchema']): string {
  const [[name, { type }] = ['', {} as { type?: string }], ...others] = Object.entries<{ type?: string }>(schema?.properties ?? {})
  return type === 'array' && others.length === 0 ? `: wrap what you send as {"${name}": [...]}` : ''
}

/** Lists the other missing fields, since Ajv stops at the first. */
function alsoMissing ({ schema, data, params: { missingProperty: first } }: ErrorObject): string {
  const others = (schema as readonly string[]).filter((name) => name !== first && !Object.hasOwn(data as object, name))
  return others.length === 0 ? '' : `; also missing: ${others.join(', ')}`
}

/** Lists unknown fields, one of which may be a misspelling of the missing field. */
function unknownFields ({ parentSchema, data }: ErrorObject): string {
  if (parentSchema?.additionalProperties !== false) return ''
  const names: string[] = []
  for (const name in data as object) {
    if (!Object.hasOwn(parentSchema.properties ?? {}, name)) names.push(JSON.stringify(name.slice(0, 64)))
    if (names.length === 3) break
  }
  return names.length === 0 ? '' : `; not known: ${names.join(', ')}`
}

function escape (name: string): string {
  return name.slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A validator compiler for a route whose body as a whole must meet a looser schema than the documented one. */
export function validatorFor (schema: object): (route: { schema: object, httpPart?: string }) => ValidateFunction {
  const validate = bodyValidator(schema)
  return (route) => route.httpPart === 'body' ? validate : validatorCompiler(route)
}

/** The parts of a JSON schema that decide which other forms of a body are accepted. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

const isEm = ({ type, enum: values }: Schema) => [type].flat().includes('integer') && values?.[0] === 0 && values[1] === 1
const allowsNull = ({ type, anyOf }: Schema) => [type].flat().includes('null') || anyOf?.some((one) => one.type === 'null') === true

/**
 * Turns a body into the form that its schema asks for: removes optional fields that are `null`, as generated clients send them, and turns
 * an EM of `true` or `false` into 1 or 0. It changes the body itself, and is called only for a body that its schema refuses.
 * @returns whether anything was changed
 */
export function normalizeBody (schema: object, body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  const { items, properties = {}, required = [] } = schema as Schema
  let isChanged = false
  const normalizeField = (place: string | number, part: Schema, isOptional: boolean): void => {
    const parent = body as Record<string | number, unknown>
    const value = parent[place]
    if (value === null && isOptional && !allowsNull(part)) delete parent[place]
    else if (typeof value === 'boolean' && isEm(part)) parent[place] = Number(value)
    else isChanged = normalizeBody(part, value) || isChanged
    if (parent[place] !== value) isChanged = true
  }
  if (!Array.isArray(body)) {
    for (const name in properties) if (Object.hasOwn(body, name)) normalizeField(name, properties[name]!, !required.includes(name))
  } else if (items !== undefined && (isEm(items) || items.properties !== undefined)) {
    for (let i = 0; i < body.length; i++) normalizeField(i, items, false)
  }
  return isChanged
}

/** For the document: a schema of the bodies that meet the given one, either as they are or after `normalizeBody`. */
export function lenient<T extends object> (schema: T): T {
  const { properties, items, anyOf, required = [], enum: values, ...rest } = schema as Schema
  // The type of the schema is kept for the routes, since validated bodies still have it.
  if (isEm(schema as Schema)) return { ...rest, type: [rest.type, 'boolean'].flat(), minimum: 0, maximum: 1 } as unknown as T
  const relax = ([name, part]: [string, Schema]) => [name, required.includes(name) ? lenient(part) : toNullable(lenient(part))]
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(relax)) }),
    ...(items && { items: lenient(items) }),
    ...(anyOf && { anyOf: anyOf.map(lenient) }),
  }
}

/** The same schema, with `null` allowed. */
export function toNullable<T extends object> (schema: T): T {
  const { type, enum: values, anyOf } = schema as Schema
  if (allowsNull(schema as Schema)) return schema
  if (anyOf !== undefined && type === undefined) return { ...schema, anyOf: [...anyOf, { type: 'null' }] }
  return { ...schema, type: [type, 'null'].flat(), ...(values && { enum: [...values, null] }) }
}

type Serialize = (reply: unknown) => string

const compiled = new WeakMap<object, Serialize>()

/**
 * Fastify's serializer compiler. A serializer is compiled when its first reply is sent, once for each schema: most processes send few of
 * the replies, and compiling all serializers took 0.2 s of the 1.8 s of CPU time of a start.
 */
export function serializerCompiler ({ schema }: { schema: object }): Serialize {
  return (reply) => {
    let serialize = compiled.get(schema)
    if (serialize === undefined) compiled.set(schema, serialize = fastJsonStringify(schema) as Serialize)
    return serialize(reply)
  }
}
