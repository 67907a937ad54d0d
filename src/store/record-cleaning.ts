import type { Tables } from './embedded-tables.js'
import type { RecordLimits } from './record-encoding.js'
import type { LiveRecord, RecordIndex } from './record-index.js'
import { rowsOfRecord } from './record-rows.js'
import { NOWHERE, rowsOf, toSeconds, type SegmentWriter } from './record-segment.js'

// All of this runs in a transaction of the caller's.

/** Records that are dropped at a time; more than one call can add. */
const DROPPED = 2000
/** What segments may take up beside twice what lives in them, bytes. */
const SLACK = 8 * 1024 * 1024
/** What a call does of cleaning beside what it brings, about: rows read and KiB moved, some 5 us each, for decisions wait meanwhile. */
const CLEANED = 256
/** What it takes to take one segment away. */
const TAKEN = 4

/** Says so in the segment, or the record would be there again when the store is opened again. */
export function drop (index: RecordIndex, writer: SegmentWriter, live: LiveRecord): void {
  index.delete(live)
  writer.appendEnd(live.id)
}

export function dropExpired (index: RecordIndex, writer: SegmentWriter, since: number): void {
  for (let dropped = 0; dropped < DROPPED; dropped++) {
    const { oldest } = index
    if (oldest === undefined || oldest.lastAt > since) return
    drop(index, writer, oldest)
  }
}

export function dropOldest (index: RecordIndex, writer: SegmentWriter, { generations, bytes }: RecordLimits): void {
  while (index.size > generations || index.stepBytes > bytes) drop(index, writer, index.oldest!)
}

/**
 * Takes old segments away while most of what there is is dead, and moves what lives in them to the new one, each record as one row. Goes
 * on with the next call where it has done enough. It suffices: each row that a call brings is moved at most once as a row of its own, and
 * half of them are dead by then.
 * @param rows how many the call brings, and how many bytes
 */
export function clean (
  { recordSegments }: Pick<Tables, 'recordSegments'>, index: RecordIndex, writer: SegmentWriter, rows: number, bytes: number): void {
  let left = CLEANED + rows / 2 + 2 * bytes / 1024
  while (index.bytes > 2 * index.liveBytes + SLACK) {
    const [oldest] = [...recordSegments.getKeys({ limit: 1 })]
    if (oldest === undefined) return
    const segment = recordSegments.getBinary(oldest)!
    for (const { id } of rowsOf(segment)) {
      const live = index.get(id)
      if (live === undefined || live.first > oldest) continue // over, or begun anew, or moved
      left -= move({ recordSegments }, index, writer, live)
      if (left <= 0) return
    }
    index.removed(segment.length)
    recordSegments.removeSync(oldest)
    if ((left -= TAKEN) <= 0) return
  }
}

/** Returns what it took, as `CLEANED` has it. */
function move (tables: Pick<Tables, 'recordSegments'>, index: RecordIndex, writer: SegmentWriter, live: LiveRecord): number {
  const rows = rowsOfRecord(tables, live)
  if (rows.length === 0) { drop(index, writer, live); return 1 } // all of it is damaged
  const written = writer.bytes
  const steps = rows.map(({ steps }) => steps)
  const count = rows.reduce((sum, { count }) => sum + count, 0)
  const bytes = steps.reduce((sum, { length }) => sum + length, 0)
  const { segment, offset } = writer.appendPacked({ id: live.id, before: NOWHERE, count, at: toSeconds(live.lastAt) }, steps)
  const size = writer.bytes - written
  index.put(live, { first: segment, segment, offset, lastAt: live.lastAt, steps: count, bytes, size })
  return rows.length + size / 1024
}
