import type { Tables } from './embedded-tables.js'
import { adoptOlderSegments } from './older-segments.js'
import { packingAtOnce } from './packed-steps.js'
import { decodeSteps } from './record-encoding.js'
import { NOWHERE, SegmentWriter, toSeconds } from './record-segment.js'
import { batchOf } from './step-batch.js'

type Ground = Pick<Tables, 'root' | 'recordSegments'>

/** Of a record whose head is gone. */
const NONE = { number: -1 }

/** Keeps the steps of a store of before. Runs in a transaction, before records are read. */
export function adoptOlderRecords (tables: Ground): void {
  const there = [...tables.root.getKeys()]
  const isThere = (table: string) => there.includes(table)
  if (!isThere('record_segments') && !isThere('record_steps')) return
  const { recordSegments } = tables
  const [last = 0] = [...recordSegments.getKeys({ reverse: true, limit: 1 })] // only where builds that were never released took turns
  const writer = new SegmentWriter(last, (number, segment) => { recordSegments.putSync(number, segment) })
  if (isThere('record_segments')) adoptOlderSegments(tables, writer)
  if (isThere('record_steps')) adoptStepTables(tables, writer)
  writer.end()
}

/** They had the steps of a generation beside each other. */
function adoptStepTables ({ root }: Ground, writer: SegmentWriter): void {
  const records = root.openDB<{ number: number }, Buffer>('records', { keyEncoding: 'binary' })
  const recordSteps = root.openDB<string, [record: number, step: number]>('record_steps', { encoding: 'string' })
  const recordsAt = root.openDB<string, [ms: number, record: number]>('records_at', { encoding: 'string' })
  for (const { key: [ms], value: id } of recordsAt.getRange()) {
    const { number } = records.get(Buffer.from(id)) ?? NONE
    const steps = [...recordSteps.getRange({ start: [number, 0], end: [number + 1, 0] })].flatMap(({ value }) => decodeSteps(value))
    if (steps.length === 0) continue
    writer.append({ id, before: NOWHERE, count: steps.length, at: toSeconds(ms) }, packingAtOnce(batchOf(new Map([[id, steps]]))), 0)
  }
  for (const table of [records, recordSteps, recordsAt]) table.dropSync()
}
