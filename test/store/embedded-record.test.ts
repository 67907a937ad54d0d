import t from 'tap'
import { EmbeddedRecords } from '../../src/store/embedded-record.js'
import { openTables } from '../../src/store/embedded-tables.js'
import { RECORD_LIMITS } from '../../src/store/record-encoding.js'
import { temporaryFolder, until } from '../helper.js'
import { idsOf } from './fixtures.js'

// The laws are tested by the contract; here is what only this store can get wrong.

t.test('an expired record that was not cleared away yet does not come back', async (t) => {
  const tables = openTables(await temporaryFolder(t))
  t.teardown(() => tables.root.close())
  const records = new EmbeddedRecords({
    reads: () => tables, write: (action) => tables.root.childTransaction(action), limits: { ...RECORD_LIMITS, seconds: 1 },
  })
  const ids = idsOf('g', 2500) // more than one call clears
  const step = (tokens: number) => [{ tokens, confidence: 0.5 }]
  await records.record(new Map(ids.map((id) => [id, step(1)])))
  await until('all have expired', async () => (await records.recorded(ids)).size === 0)
  await records.record(new Map([[ids.at(-1)!, step(2)]]))
  t.same(await records.recorded(ids), new Map([[ids.at(-1)!, step(2)]]))
  t.equal(tables.getMeta('recorded').generations, 1500, 'a thousand were cleared away, and this one began anew')
  await records.record(new Map([['other', step(1)]]))
  await records.record(new Map([['other', step(2)]]))
  t.same(tables.getMeta('recorded'), { number: 2502, generations: 2, bytes: 21 })
  t.equal([...tables.recordSteps.getKeys()].length, 3, 'no step is left behind')
})
