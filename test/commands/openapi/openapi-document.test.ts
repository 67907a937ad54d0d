import t from 'tap'
import { openapiDocument } from '../../../src/commands/openapi/openapi-document.js'

t.test('the document is made without starting anything, and never changes', async (t) => {
  const text = await openapiDocument()
  t.equal(text, await openapiDocument())
  t.match(JSON.parse(text), { openapi: '3.1.0', info: { title: 'stopgate' } })
})
