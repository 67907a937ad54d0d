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

/** For the document: the schema of every body that meets the given one, as it is or after `normalizeBody`. */
export function lenient<T extends object> (schema: T): T {
  const { properties, items, required = [], enum: values, ...rest } = schema as Schema
  // The type of the schema is kept for the routes, since validated bodies still have it.
  if (isEm(schema as Schema)) return { ...rest, type: [rest.type, 'boolean'].flat(), minimum: 0, maximum: 1 } as unknown as T
  const relax = ([name, part]: [string, Schema]) => [name, required.includes(name) ? lenient(part) : toNullable(lenient(part))]
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(relax)) }),
    ...(items && { items: lenient(items) }),
  }
}

/** The same schema, with `null` allowed. */
export function toNullable<T extends object> (schema: T): T {
  const { type, enum: values, anyOf } = schema as Schema
  if (allowsNull(schema as Schema)) return schema
  if (anyOf !== undefined && type === undefined) return { ...schema, anyOf: [...anyOf, { type: 'null' }] }
  return { ...schema, type: [type, 'null'].flat(), ...(values && { enum: [...values, null] }) }
}
