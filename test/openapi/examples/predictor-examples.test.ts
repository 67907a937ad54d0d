import t from 'tap'
import { openapiDocument } from '../../../src/cli/openapi.js'
import { replyCheck } from '../reply-check.js'

const document = JSON.parse(await openapiDocument())

t.test('every reply has a valid example', async (t) => {
  const check = replyCheck(document)
  for (const [path, operations] of Object.entries<any>(document.paths)) {
    for (const [method, schema] of Object.entries<any>(operations)) {
      for (const [status, { content }] of Object.entries<any>(schema.responses)) {
        if (!status.startsWith('2') || content?.['application/json'] === undefined) continue
        const { example, examples = {} } = content['application/json']
        const shown = example === undefined ? Object.values<any>(examples).map(({ value }) => value) : [example]
        t.ok(shown.length > 0, `${method} ${path} has an example`)
        for (const one of shown) {
          const reply = { status: Number(status), headers: { 'content-type': 'application/json' }, body: JSON.stringify(one) }
          t.equal(check({ method, path, schema }, reply), null, `${method} ${path}`)
        }
      }
    }
  }
})
