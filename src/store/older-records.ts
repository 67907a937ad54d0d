import type { Tables } from './embedded-tables.js'
import { NOWHERE, SegmentWriter, toSeconds } from './record-segment.js'

/** Of a record whose head is gone. */
const NONE = { number: -1, steps: 0 }

/** Keeps the steps of a store that had those of a generation beside each other. Runs in a transaction, before records are read. */
export function adoptOlderRecords ({ root, recordSegments }: Pick<Tables, 'root' | 'recordSegments'>): void {
  if (!isThere(root, 'record_steps')) return
  const records = root.openDB<{ number: number, steps: number }, Buffer>('records', { keyEncoding: 'binary' })
  const recordSteps = root.openDB<string, [record: number, step: number]>('record_steps', { encoding: 'string' })
  const recordsAt = root.openDB<string, [ms: number, record: number]>('records_at', { encoding: 'string' })
  const [last = 0] = [...recordSegments.getKeys({ reverse: true, limit: 1 })] // of before an earlier version was put back for a while
  const writer = new SegmentWriter(last, (number, segment) => { recordSegments.putSync(number, segment) })
  for (const { key: [ms], value: id } of recordsAt.getRange()) {
    const { number, steps: count } = records.get(Buffer.from(id)) ?? NONE
    const steps = [...recordSteps.getRange({ start: [number, 0], end: [number + 1, 0] })].map(({ value }) => value)
    writer.append({ id, before: NOWHERE, count, at: toSeconds(ms), steps })
  }
  writer.end()
  for (const table of [records, recordSteps, recordsAt]) table.dropSync()
}

function isThere (root: Tables['root'], table: string): boolean { return [...root.getKeys()].includes(table) }
