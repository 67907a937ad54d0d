import type { Test } from 'tap'
import { EmbeddedRecords, type RecordStorage } from '../../src/store/embedded/embedded-records.js'
import { EVENT_LIMITS, type RecordLimits } from '../../src/store/event-store.js'
import { openRoot, tablesIn, type Tables } from '../../src/store/embedded/embedded-tables.js'
import { encodeRow } from '../../src/store/embedded/record-index.js'
import { temporaryFolder } from '../helper.js'
import { batch, packingAtOnce, textsAt } from './fixtures.js'

export const numbersOf = async (records: EmbeddedRecords, id: string) => (await records.read([id])).get(id)?.map(Number)

/** Records in tables of their own, which may be opened again and again. */
export async function recordStorage (t: Test) {
  const folder = await temporaryFolder(t)
  const tables = tablesIn(openRoot(folder))
  t.teardown(() => tables.root.close())
  const open = (limits: Partial<RecordLimits> = {}, write: RecordStorage['write'] = (action) => tables.root.childTransaction(action)) =>
    new EmbeddedRecords({ rows: () => tables.eventRows, write, limits: { ...EVENT_LIMITS, ...limits } })
  const numbers = () => [...tables.eventRows.getKeys()]
  const rows = () => [...tables.eventRows.getRange()].map(({ value }) => Buffer.from(value))
  return { folder, tables, open, numbers, rows }
}

/** Puts a row with one text. @param at ms */
export async function putRow (tables: Tables, number: number, id: string, at: number, text: number): Promise<void> {
  await tables.root.childTransaction(() => {
    tables.eventRows.putSync(number, encodeRow(id, at, 1, packingAtOnce(batch([['', textsAt(text)]]))))
  })
}

/** Writes 48 KiB of rows that are dead at once. */
export async function fill (records: EmbeddedRecords): Promise<void> {
  await records.append(batch([['filler', textsAt(...Array.from({ length: 4096 }, (_, i) => i))]]))
  await records.forget(['filler'])
}
