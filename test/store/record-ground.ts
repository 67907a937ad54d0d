import type { Test } from 'tap'
import { EmbeddedRecords, type RecordGround } from '../../src/store/embedded-record.js'
import { openTables, type Tables } from '../../src/store/embedded-tables.js'
import { STEPS } from '../../src/store/record-kind.js'
import { RECORD_LIMITS, type RecordLimits } from '../../src/store/record-encoding.js'
import { SegmentWriter, type RowHead } from '../../src/store/record-segment.js'
import type { StepBatch } from '../../src/store/step-batch.js'
import type { RecordedStep } from '../../src/core/recording/recorded-step.js'
import { temporaryFolder } from '../helper.js'
import { batch, packingAtOnce } from './fixtures.js'
import { batchOf } from './batch-of.js'

export const stepsAt = (...tokens: number[]) => tokens.map((at) => ({ tokens: at, confidence: 0.5 }))
export const tokensOf = async (records: EmbeddedRecords<StepBatch, RecordedStep>, id: string) =>
  (await records.recorded([id])).get(id)?.map(({ tokens }) => tokens)

/** Records in tables of their own, which may be opened again and again. */
export async function recordGround (t: Test) {
  const folder = await temporaryFolder(t)
  const tables = openTables(folder)
  t.teardown(() => tables.root.close())
  const open = (limits: Partial<RecordLimits> = {}, write: RecordGround['write'] = (action) => tables.root.childTransaction(action)) =>
    new EmbeddedRecords(STEPS, { reads: () => tables, write, limits: { ...RECORD_LIMITS, ...limits } })
  const numbers = () => [...tables.recordSegments.getKeys()]
  const segments = () => numbers().map((number) => tables.recordSegments.getBinary(number)!)
  return { folder, tables, open, numbers, segments }
}

/** Puts a segment of one row, with one step. */
export async function putRow (tables: Tables, number: number, head: Omit<RowHead, 'count'>, tokens: number): Promise<void> {
  await tables.root.childTransaction(() => {
    const writer = new SegmentWriter(number - 1, (number, segment) => { tables.recordSegments.putSync(number, segment) })
    writer.append({ ...head, count: 1 }, packingAtOnce(batchOf(new Map([['', stepsAt(tokens)]]))), 0)
    writer.end()
  })
}

/** What fills segments, and is dead at once. */
export async function fill (records: EmbeddedRecords<StepBatch, RecordedStep>): Promise<void> {
  await records.record(batch([['filler', stepsAt(...Array.from({ length: 4096 }, (_, i) => i))]]))
  await records.forget(['filler'])
}
