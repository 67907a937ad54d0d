import t from 'tap'
import { serializerCompiler } from '../../openapi/serialization.js'

t.test('a reply has the fields of its schema and no others', async (t) => {
  const serialize = serializerCompiler({ schema: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } } })
  t.equal(serialize({ b: 'x', a: 1, secret: 2 }), '{"a":1,"b":"x"}')
  t.equal(serialize({ a: 2 }), '{"a":2}', 'the next reply too')
})
