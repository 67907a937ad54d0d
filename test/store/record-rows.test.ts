import t from 'tap'
import { NOWHERE, toSeconds } from '../../src/store/record-segment.js'
import { batch } from './fixtures.js'
import { putRow, recordGround, stepsAt, tokensOf } from './record-ground.js'

t.test('a row that is damaged so that it points to itself, or ahead, is the first of its record', async (t) => {
  const { tables, open } = await recordGround(t)
  const before = { segment: 2, offset: 0 }
  for (const number of [1, 2]) await putRow(tables, number, { id: 'a', before, at: toSeconds(Date.now()) }, number)
  t.same(await tokensOf(open(), 'a'), [2])
})

t.test('a row that points to one of another record is the first of its own', async (t) => {
  const { tables, open } = await recordGround(t)
  const at = toSeconds(Date.now())
  await putRow(tables, 1, { id: 'a', before: NOWHERE, at }, 1)
  await putRow(tables, 2, { id: 'b', before: { segment: 1, offset: 0 }, at }, 2)
  t.same(await tokensOf(open(), 'b'), [2])
})

t.test('steps that are damaged are missing, and those before and after them are there', async (t) => {
  const { tables, open } = await recordGround(t)
  const records = open()
  for (const tokens of [1, 2, 3]) await records.record(batch([['a', stepsAt(tokens)]]))
  await tables.root.childTransaction(() => {
    const bytes = Buffer.from(tables.recordSegments.getBinary(2)!)
    bytes[bytes.length - 1]! ^= 1
    tables.recordSegments.putSync(2, bytes)
  })
  for (const some of [records, open()]) t.same(await tokensOf(some, 'a'), [1, 3])
})
