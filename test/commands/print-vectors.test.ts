import t from 'tap'
import { run } from '../../src/commands/print-vectors.js'
import { vectorsText } from '../../src/decisions/vectors.js'
import { capturedWorld } from './captured-world.js'

t.test('prints the vectors and nothing else', async (t) => {
  const world = capturedWorld()
  await run([], world)
  t.equal(world.out(), vectorsText())
})
t.rejects(run(['file.json'], capturedWorld()), { name: 'UsageError' })
