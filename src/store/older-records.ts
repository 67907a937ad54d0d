import type { Tables } from './embedded-tables.js'
import { NOWHERE, RecordSegment } from './record-segment.js'

/** Keeps the steps of a store that had those of a generation beside each other. Runs in a transaction, before records are read. */
export function adoptOlderRecords ({ root, recordSegments }: Pick<Tables, 'root' | 'recordSegments'>): void {
  if (!isThere(root, 'record_steps')) return
  const records = root.openDB<{ number: number }, Buffer>('records', { keyEncoding: 'binary' })
  const recordSteps = root.openDB<string, [record: number, step: number]>('record_steps', { encoding: 'string' })
  const recordsAt = root.openDB<string, [ms: number, record: number]>('records_at', { encoding: 'string' })
  const segment = new RecordSegment(1)
  for (const { key, value: { number } } of records.getRange()) {
    const rows = [...recordSteps.getRange({ start: [number, 0], end: [number + 1, 0] })].map(({ value }) => value)
    segment.append({ id: key.toString(), before: NOWHERE, steps: rows.join() })
  }
  if (segment.bytes > 0) recordSegments.putSync(segment.number, segment.encoded())
  for (const table of [records, recordSteps, recordsAt]) table.dropSync()
}

function isThere (root: Tables['root'], table: string): boolean { return [...root.getKeys()].includes(table) }
