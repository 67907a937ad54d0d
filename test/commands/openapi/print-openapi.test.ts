import t from 'tap'
import { openapiDocument } from '../../../src/commands/openapi/openapi-document.js'
import { run } from '../../../src/commands/openapi/print-openapi.js'
import { capturedWorld } from '../command-line/captured-io.js'

t.test('prints the document and nothing else', async (t) => {
  const world = capturedWorld()
  await run([], world)
  t.equal(world.out(), await openapiDocument())
  t.ok(JSON.parse(world.out()).paths['/v1/decisions'])
})
t.rejects(run(['file.json'], capturedWorld()), { name: 'UsageError' })
