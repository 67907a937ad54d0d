import type { Test } from 'tap'
import type { RecordedStep } from '../../src/core/step-records/recorded-steps.js'
import { EmbeddedRecords, type RecordStorage } from '../../src/store/embedded/embedded-records.js'
import { openTables, type Tables } from '../../src/store/embedded/embedded-tables.js'
import { encodeRow } from '../../src/store/embedded/record-index.js'
import { RECORD_LIMITS, type RecordLimits, type StepBatch } from '../../src/store/step-record-store.js'
import { STEPS } from '../../src/store/step-records/record-kind.js'
import { temporaryFolder } from '../helper.js'
import { batchOf } from './batch-of.js'
import { batch, packingAtOnce } from './fixtures.js'

export const stepsAt = (...tokens: number[]) => tokens.map((at) => ({ tokens: at, confidence: 0.5 }))
export const tokensOf = async (records: EmbeddedRecords<StepBatch, RecordedStep>, id: string) =>
  (await records.read([id])).get(id)?.map(({ tokens }) => tokens)

/** Records in tables of their own, which may be opened again and again. */
export async function recordStorage (t: Test) {
  const folder = await temporaryFolder(t)
  const tables = openTables(folder)
  t.teardown(() => tables.root.close())
  const open = (limits: Partial<RecordLimits> = {}, write: RecordStorage['write'] = (action) => tables.root.childTransaction(action)) =>
    new EmbeddedRecords(STEPS, { rows: () => tables.recordRows, write, limits: { ...RECORD_LIMITS, ...limits } })
  const numbers = () => [...tables.recordRows.getKeys()]
  const rows = () => [...tables.recordRows.getRange()].map(({ value }) => Buffer.from(value))
  return { folder, tables, open, numbers, rows }
}

/** Puts a row with one step. @param at ms */
export async function putRow (tables: Tables, number: number, id: string, at: number, tokens: number): Promise<void> {
  await tables.root.childTransaction(() => {
    tables.recordRows.putSync(number, encodeRow(id, at, 1, packingAtOnce(batchOf(new Map([['', stepsAt(tokens)]])))))
  })
}

/** Writes 48 KiB of rows that are dead at once. */
export async function fill (records: EmbeddedRecords<StepBatch, RecordedStep>): Promise<void> {
  await records.append(batch([['filler', stepsAt(...Array.from({ length: 4096 }, (_, i) => i))]]))
  await records.forget(['filler'])
}
