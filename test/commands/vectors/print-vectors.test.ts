import t from 'tap'
import { run } from '../../../src/commands/vectors/print-vectors.js'
import { vectorsText } from '../../../src/decisions/vectors.js'
import { capturedWorld } from '../command-line/captured-io.js'

t.test('prints the vectors and nothing else', async (t) => {
  const world = capturedWorld()
  await run([], world)
  t.equal(world.out(), vectorsText())
})
t.rejects(run(['file.json'], capturedWorld()), { name: 'UsageError' })
