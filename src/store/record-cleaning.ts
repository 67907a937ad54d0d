import type { Tables } from './embedded-tables.js'
import type { RecordLimits } from './record-encoding.js'
import type { LiveRecord, RecordIndex } from './record-index.js'
import { NOWHERE, rowsOf, rowsOfRecord, toSeconds, type SegmentWriter } from './record-segment.js'

// All of this runs in a transaction of the caller's.

type Segments = Pick<Tables, 'recordSegments'>

/** Expired records that one call drops at most; more than one call can add. */
const DROPPED = 2000
/** Bytes that live rows may take up beyond the limit of their steps, and segments beyond twice what lives in them. */
export const SLACK = 8 * 1024 * 1024
/**
 * Cleaning and joining that one call does beyond what it brings, in rows read and KiB moved (about 5 us each). Decisions wait meanwhile, so
 * it is little.
 */
const CLEANED = 256
/**
 * Number of rows at which those of a record are joined. Where a few generations get a step or two at each call, all their rows would have
 * to be moved before the oldest segment can be removed, and the log would double meanwhile.
 */
const JOINED = 64
/** Cost of removing one segment, in the same unit. */
const REMOVAL = 4

/** Also writes down that the record ended; otherwise it would be back when the store is opened again. */
export function drop (index: RecordIndex, writer: SegmentWriter, live: LiveRecord): void {
  index.delete(live)
  writer.appendEnd(live.id)
}

export function dropExpired (index: RecordIndex, writer: SegmentWriter, since: number): void {
  let dropped = 0
  for (const record of index.oldestFirst()) {
    if (record.lastAt > since || dropped++ >= DROPPED) return
    drop(index, writer, record)
  }
}

/** The heads of rows count as well, since they take up more than the steps where each call brings a step or two of a generation. */
export function dropOldest (index: RecordIndex, writer: SegmentWriter, { generations, bytes }: RecordLimits): void {
  const isWithin = () => index.size <= generations && index.stepBytes <= bytes && index.liveBytes <= bytes + SLACK
  if (isWithin()) return
  for (const record of index.oldestFirst()) {
    drop(index, writer, record)
    if (isWithin()) return
  }
}

/**
 * Removes old segments while most of the log is dead, and moves what lives in them to the new segment, each record as one row. Continues
 * with the next call once it has done enough. This keeps up: each row that a call brings is moved or joined at most once as a row of its
 * own.
 * @param brought number of rows and of bytes that the call brings
 * @returns what is left to do in this call, in the unit of `CLEANED`
 */
export function clean (
  { recordSegments }: Segments, index: RecordIndex, writer: SegmentWriter, brought: { readonly rows: number, readonly bytes: number }
): number {
  let left = CLEANED + brought.rows + 2 * brought.bytes / 1024
  while (index.bytes > 2 * index.liveBytes + SLACK) {
    const [oldest] = [...recordSegments.getKeys({ limit: 1 })]
    if (oldest === undefined) return left
    const segment = recordSegments.getBinary(oldest)!
    for (const { id } of rowsOf(segment)) {
      const live = index.get(id)
      if (live === undefined || live.first > oldest) continue // ended, started again, or moved already
      left -= move({ recordSegments }, index, writer, live)
      if (left <= 0) return 0
    }
    index.segmentRemoved(segment.length)
    recordSegments.removeSync(oldest)
    if ((left -= REMOVAL) <= 0) return 0
  }
  return left
}

/** Joins the rows of a record if it has many. Call it before the call adds rows. Returns the cost, in the unit of `CLEANED`. */
export function joinRows (segments: Segments, index: RecordIndex, writer: SegmentWriter, id: string): number {
  const live = index.get(id)
  return live === undefined || live.rows < JOINED ? 0 : move(segments, index, writer, live)
}

/** Returns the cost, in the unit of `CLEANED`. */
function move ({ recordSegments }: Segments, index: RecordIndex, writer: SegmentWriter, live: LiveRecord): number {
  const rows = rowsOfRecord((number) => recordSegments.getBinaryFast(number), live.id, live)
  if (rows.length === 0) { drop(index, writer, live); return 1 } // damaged
  const written = writer.bytes
  const steps = rows.map(({ steps }) => steps)
  const count = rows.reduce((sum, { count }) => sum + count, 0)
  const bytes = steps.reduce((sum, { length }) => sum + length, 0)
  const { segment, offset } = writer.appendPacked({ id: live.id, before: NOWHERE, count, at: toSeconds(live.lastAt) }, steps)
  const size = writer.bytes - written
  index.put(live.id, { first: segment, segment, offset, lastAt: live.lastAt, rows: 1, steps: count, bytes, size })
  return rows.length + size / 1024
}
