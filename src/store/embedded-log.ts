import type { LogEntry } from '../core/log-entry.js'
import { decodeEntry, encodeEntry, tableWrite, toCursor, toPlace, type Place } from './encoding.js'
import type { Tables } from './embedded-tables.js'
import type { Cursor, StoredEntry } from './store.js'

/**
 * Appends entries, in a transaction of the caller's.
 * @param now ms; a clock that went back does not take the log's time with it
 * @returns which were appended (an outcome seen in the last `dedupMs` is not), and the keys whose policy or pin was written
 */
export function appendEntries (
  tables: Tables, entries: readonly LogEntry[], now: number, dedupMs: number): { accepted: boolean[], written: string[] } {
  let [time, sequence] = tables.getMeta('last_place')
  if (now > time) [time, sequence] = [now, -1]
  const written: string[] = []
  const accepted = entries.map((entry) => {
    const place: Place = [time, sequence + 1]
    if (entry.type === 'outcome' && !remember(tables, entry.generation_id, place, dedupMs)) return false
    sequence++
    tables.log.putSync(place, encodeEntry(entry))
    const write = tableWrite(entry)
    if (write === null) return true
    const table = tables[write.table]
    if (write.value === null) table.removeSync(write.key); else table.putSync(write.key, write.value)
    written.push(write.key)
    return true
  })
  if (sequence >= 0) tables.setMeta('last_place', [time, sequence])
  forgetExpired(tables, time - dedupMs, 2 * entries.length)
  return { accepted, written }
}

/** Whether the id is new within the dedup time; if so it is remembered. */
function remember ({ seen, seenAt }: Tables, id: string, place: Place, dedupMs: number): boolean {
  const key = Buffer.from(id)
  const before = seen.get(key)
  if (before !== undefined && place[0] < before + dedupMs) return false
  seen.putSync(key, place[0])
  seenAt.putSync(place, id)
  return true
}

/** Twice as many as can arrive: the table shrinks to its due size, and no call pays for more than a few. */
function forgetExpired ({ seen, seenAt }: Tables, until: number, limit: number): void {
  for (const { key: place, value: id } of [...seenAt.getRange({ end: [until + 1, 0], limit })]) {
    seenAt.removeSync(place)
    const key = Buffer.from(id)
    if (seen.get(key) === place[0]) seen.removeSync(key) // else it came again since
  }
}

export function entriesAfter ({ log }: Tables, after: Cursor, limit: number): StoredEntry[] {
  const range = log.getRange({ start: toPlace(after), exclusiveStart: true, limit })
  return [...range.map(({ key: place, value }) => ({ cursor: toCursor(place), time: place[0], entry: decodeEntry(value) }))]
}

/** Deletes what was folded. */
export function trimLog ({ log }: Tables, to: Cursor): void {
  for (const place of [...log.getKeys({ end: toPlace(to), inclusiveEnd: true })]) log.removeSync(place)
}

/** Entries that wait to be folded, and for how long the oldest of them has, ms. */
export function logLag ({ log }: Tables, now: number): { lag: number, lagMs: number } {
  const { entryCount } = log.getStats() as { entryCount: number }
  const [oldest] = log.getKeys({ limit: 1 })
  return { lag: entryCount, lagMs: oldest === undefined ? 0 : Math.max(0, now - oldest[0]) }
}
