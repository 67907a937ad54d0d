import t from 'tap'
import { openapiDocument, run } from '../../src/cli/openapi.js'
import { captureIo } from './command-line/captured-io.js'

t.test('the command prints the document and nothing else', async (t) => {
  const io = captureIo()
  await run([], io)
  t.equal(io.out(), await openapiDocument())
  t.match(JSON.parse(io.out()), { openapi: '3.1.0', info: { title: 'stopgate' } })
  t.ok(JSON.parse(io.out()).paths['/v1/decisions'])
})
t.rejects(run(['file.json'], captureIo()), { name: 'UsageError' })
