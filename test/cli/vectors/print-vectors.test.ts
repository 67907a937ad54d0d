import t from 'tap'
import { run } from '../../../src/cli/vectors/print-vectors.js'
import { vectorsText } from '../../../src/cli/vectors/vectors.js'
import { captureIo } from '../command-line/captured-io.js'

t.test('the command prints the vectors and nothing else', async (t) => {
  const io = captureIo()
  await run([], io)
  t.equal(io.out(), vectorsText())
})
t.rejects(run(['file.json'], captureIo()), { name: 'UsageError' })
