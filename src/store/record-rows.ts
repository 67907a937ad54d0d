import type { Tables } from './embedded-tables.js'
import type { LiveRecord } from './record-index.js'
import { isBefore, NOWHERE, rowAt, type Place, type Row } from './record-segment.js'

/** Those of a record in order, oldest first. */
export function rowsOfRecord ({ recordSegments }: Pick<Tables, 'recordSegments'>, { id, segment, offset }: LiveRecord): Row[] {
  const rows: Row[] = []
  for (let place: Place = { segment, offset }; place.segment !== NOWHERE.segment;) {
    const segment = recordSegments.getBinaryFast(place.segment)
    const row = segment && rowAt(segment, place.offset)
    if (row?.id !== id || row.count === 0) break // damaged: steps that are missing count as the worst case
    rows.push(row)
    if (!isBefore(row.before, place)) break // damaged: it would never end
    place = row.before
  }
  return rows.reverse()
}
