export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/**
 * Moves every schema that has a title into the components, so that the document contains it once, and adds the constraints that a schema
 * only states (`stating` in openapi/field-schemas.ts). Tools for OpenAPI name their types after components, and many of them cannot read a
 * component that is an object or null: a nullable use of a component is a choice between it and null.
 */
export function hoist (value: Json, schemas: Record<string, Json>): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => hoist(item, schemas))
  const { 'x-named': named, 'x-stated': stated, ...schema } = value
  if (named !== undefined) return use(schema, hoist(named, schemas))
  const copy = Object.fromEntries(Object.entries({ ...schema, ...stated as object }).map(([name, inner]) => [name, hoist(inner, schemas)]))
  if (Array.isArray(copy.enum) && copy.enum.includes(null)) return nullableEnum(copy)
  if (typeof copy.title !== 'string' || copy.type === undefined) return copy
  const { examples: _, ...component } = copy // examples of a body are beside its schema already
  const known = schemas[copy.title] ??= component
  if (JSON.stringify(known) !== JSON.stringify(component)) throw new Error(`two schemas have the title ${copy.title}`)
  return { $ref: `#/components/schemas/${copy.title}` }
}

/** A nullable list of values as a choice, since generators make several types of a list that has `null`. */
function nullableEnum ({ type, enum: values, description, examples, ...rest }: { [name: string]: Json }): Json {
  const own = { ...rest, type: (type as string[]).filter((one) => one !== 'null')[0]!, enum: (values as Json[]).filter((value) => value !== null) }
  return { anyOf: [own, { type: 'null' }], ...(description !== undefined && { description }), ...(examples !== undefined && { examples }) }
}

/** A reference with the description of the place where it stands. */
function use ({ type, description = '' }: { [name: string]: Json }, reference: Json): Json {
  if (Array.isArray(type) && type.includes('null')) return { anyOf: [reference, { type: 'null' }], description }
  return { ...reference as object, description }
}
