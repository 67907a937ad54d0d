import type { Tables } from './embedded-tables.js'
import { NOWHERE, RecordSegment } from './record-segment.js'

/** What one segment takes up, about: they are moved and taken away whole. Bytes. */
const SEGMENT = 1024 * 1024

/** Of a record whose head is gone. */
const NONE = { number: -1, steps: 0 }

/** Keeps the steps of a store that had those of a generation beside each other. Runs in a transaction, before records are read. */
export function adoptOlderRecords ({ root, recordSegments }: Pick<Tables, 'root' | 'recordSegments'>): void {
  if (!isThere(root, 'record_steps')) return
  const records = root.openDB<{ number: number, steps: number }, Buffer>('records', { keyEncoding: 'binary' })
  const recordSteps = root.openDB<string, [record: number, step: number]>('record_steps', { encoding: 'string' })
  const recordsAt = root.openDB<string, [ms: number, record: number]>('records_at', { encoding: 'string' })
  let segment = new RecordSegment(1)
  const put = () => { if (segment.bytes > 0) recordSegments.putSync(segment.number, segment.encoded()) }
  for (const { value: id } of recordsAt.getRange()) { // those written to the longest ago first
    const { number, steps: count } = records.get(Buffer.from(id)) ?? NONE
    const rows = [...recordSteps.getRange({ start: [number, 0], end: [number + 1, 0] })].map(({ value }) => value)
    segment.append({ id, before: NOWHERE, count, steps: rows.join() })
    if (segment.bytes < SEGMENT) continue
    put()
    segment = new RecordSegment(segment.number + 1)
  }
  put()
  for (const table of [records, recordSteps, recordsAt]) table.dropSync()
}

function isThere (root: Tables['root'], table: string): boolean { return [...root.getKeys()].includes(table) }
