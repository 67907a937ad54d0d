import { readFile } from 'node:fs/promises'
import t from 'tap'
import { REASONS } from '../../../src/core/decide/decide.js'
import { vectorsText, run } from '../../../src/cli/vectors/vectors.js'
import { captureIo } from '../command-line/captured-io.js'

t.test('openapi/vectors.json is up to date', async (t) => {
  t.equal(await readFile('openapi/vectors.json', 'utf8'), vectorsText(), 'stale: run npm run vectors')
})

t.test('the vectors cover both arms and every reason but staleness', async (t) => {
  const { decisions } = JSON.parse(vectorsText())
  const met = (field: string) => new Set(decisions.map(({ decision }: { decision: Record<string, unknown> }) => decision[field]))
  t.same([...met('reason')].sort(), REASONS.filter((reason) => reason !== 'stale_snapshot').sort())
  for (const field of ['arm', 'decision', 'probe', 'would_stop']) t.equal(met(field).size, 2, field)
})

t.test('the command prints the vectors and nothing else', async (t) => {
  const io = captureIo()
  await run([], io)
  t.equal(io.out(), vectorsText())
})
t.rejects(run(['file.json'], captureIo()), { name: 'UsageError' })
