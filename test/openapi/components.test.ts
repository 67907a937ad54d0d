import t from 'tap'
import { Type } from '#typebox'
import { hoist, type Json } from '../../openapi/components.js'
import { described, objectOrNull, stating } from '../../openapi/field-schemas.js'

const PlaceSchema = Type.Object({ city: Type.String() }, { title: 'Place', description: 'A place', examples: [{ city: 'Bonn' }] })

function hoisted (schema: object): { schemas: Record<string, Json>, schema: Json } {
  const schemas: Record<string, Json> = {}
  return { schema: hoist(structuredClone(schema) as Json, schemas), schemas }
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

t.test('constraints that a schema only states stand in the document', async (t) => {
  t.strictSame(hoisted(stating(Type.String({ minLength: 1 }), { pattern: '^a' })).schema, { type: 'string', minLength: 1, pattern: '^a' })
})
