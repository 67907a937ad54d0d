import t from 'tap'
import { itemValidator } from '../../openapi/validation.js'
import { openapiDocument } from '../../src/openapi-document.js'

const document = JSON.parse(await openapiDocument())

t.test('every example of a reply is such a reply', async (t) => {
  const { components } = document
  const shown = new Set<string>()
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, { responses }] of Object.entries<any>(operations)) {
      const { schema, example } = responses['200']?.content?.['application/json'] ?? {}
      if (example === undefined) continue
      const validate = itemValidator({ ...schema, components })
      t.equal(validate(example), null, `${method} ${path}`)
      shown.add(path)
    }
  }
  for (const path of ['/v1/model/predictors', '/v1/model/predictors/{name}', '/v1/contexts/{key}/tradeoff', '/v1/contexts/{key}/what-if']) t.ok(shown.has(path), path)
})
