import type { LoggedOutcome } from '../../core/outcome/index.js'
import type { LabelEntry, LogEntry } from '../../core/learn/index.js'
import {
  type AuditedCommand, auditOf, awaits, datedCommands, encodeEntry, readAuditRow, readEntry, readReplaced, resultOfLabel, tableWrite,
  type TableWrite, UNREADABLE_COMMAND,
} from '../encoding/log-rows.js'
import {
  type Appended, AUDIT_LIMIT, type Cursor, isReport, type LogLimits, type Place, READ_BYTES, type StoredEntry, toCursor, toPlace
} from '../log.js'
import { ConflictError, StoreFullError } from '../store-errors.js'
import type { AuditRow } from '../store.js'
import type { Tables } from './embedded-tables.js'

/**
 * Appends entries, in a transaction of the caller's.
 * @param now ms; the log's time does not go back when the clock is set back
 * @returns the result for each entry, the log's time, and the writes to tables
 */
export function appendEntries (
  tables: Tables, entries: readonly LogEntry[], now: number, limits: LogLimits
): { appended: Appended[], time: number, written: TableWrite[] } {
  checkRoom(tables, entries, limits)
  const dedupMs = limits.dedupSeconds * 1000
  let [time, sequence] = tables.getMeta('last_place')
  if (now > time) [time, sequence] = [now, -1]
  const written: TableWrite[] = []
  const appended = entries.map((entry): Appended => {
    const place: Place = [time, sequence + 1]
    const result = entry.type === 'outcome'
      ? remember(tables, entry, place, dedupMs)
      : entry.type === 'label' ? label(tables, entry, time, dedupMs) : 'accepted'
    if (result !== 'accepted') return result
    sequence++
    tables.log.putSync(place, encodeEntry(entry))
    const write = tableWrite(entry)
    if (write === null) return result
    const table = tables[write.table]
    if (write.value === null) table.removeSync(write.key); else table.putSync(write.key, write.value)
    written.push(write)
    return result
  })
  if (sequence >= 0) tables.setMeta('last_place', [time, sequence])
  forgetExpired(tables, time - dedupMs, 2 * entries.length)
  return { appended, time, written }
}

/** Only entries of traffic are bounded. The others are few, and some of them are needed to drain the log. */
function checkRoom (tables: Tables, entries: readonly LogEntry[], { maxLogEntries }: LogLimits): void {
  const reports = entries.filter(({ type }) => isReport(type)).length
  if (reports > 0 && lengthOf(tables) + reports > maxLogEntries) throw new StoreFullError(`${maxLogEntries} entries wait to be folded`)
}

/** Remembers the id of an outcome, unless it is a duplicate within the dedup time. */
function remember ({ seen, seenAt }: Tables, outcome: LoggedOutcome, place: Place, dedupMs: number): Appended {
  const key = Buffer.from(outcome.generation_id)
  const before = seen.get(key)
  if (before !== undefined && place[0] < before[0] + dedupMs) return 'duplicate'
  seen.putSync(key, [place[0], ...awaits(outcome)])
  seenAt.putSync(place, outcome.generation_id)
  return 'accepted'
}

/** Accepts a label if its outcome waits for one, and notes that the outcome waits no longer. */
function label ({ seen }: Tables, entry: LabelEntry, time: number, dedupMs: number): Appended {
  const key = Buffer.from(entry.generation_id)
  const known = seen.get(key)
  if (known === undefined || time >= known[0] + dedupMs) return 'unknown'
  const result = resultOfLabel(known, entry)
  if (result === 'accepted') seen.putSync(key, [known[0], 0, known[2]])
  return result
}

/** Forgets a few expired ids at each call: twice as many as can arrive, so that the table shrinks to its due size. */
function forgetExpired ({ seen, seenAt }: Tables, until: number, limit: number): void {
  for (const { key: place, value: id } of [...seenAt.getRange({ end: [until + 1, 0], limit })]) {
    seenAt.removeSync(place)
    const key = Buffer.from(id)
    if (seen.get(key)?.[0] === place[0]) seen.removeSync(key) // otherwise the id came again later
  }
}

export function entriesAfter ({ log }: Tables, after: Cursor, limit: number): StoredEntry[] {
  const entries: StoredEntry[] = []
  let length = 0
  for (const { key: place, value } of log.getRange({ start: toPlace(after), exclusiveStart: true, limit })) {
    entries.push({ cursor: toCursor(place), time: place[0], entry: readEntry(value) })
    if ((length += value.length) >= READ_BYTES) break
  }
  return entries
}

/** Deletes folded entries. */
export function trimLog ({ log }: Tables, to: Cursor): void {
  for (const place of [...log.getKeys({ end: toPlace(to), inclusiveEnd: true })]) log.removeSync(place)
}

/** Number of entries that are not folded yet, and how long the oldest of them has waited (ms). */
export function logLag (tables: Tables, now: number): { lag: number, lagMs: number } {
  const [oldest] = tables.log.getKeys({ limit: 1 })
  return { lag: lengthOf(tables), lagMs: oldest === undefined ? 0 : Math.max(0, now - oldest[0]) }
}

function lengthOf ({ log }: Tables): number {
  return (log.getStats() as { entryCount: number }).entryCount
}

/**
 * Appends entries, moves the version and extends the audit trail, in a transaction of the caller's.
 * @param ifPolicyVersion throws ConflictError unless this is the policy version
 */
export function append (
  tables: Tables, entries: readonly LogEntry[], now: number, limits: LogLimits, ifPolicyVersion?: number
): { appended: Appended[], isMoved: boolean } {
  const policyVersion = tables.getMeta('policy_version')
  if (ifPolicyVersion !== undefined && ifPolicyVersion !== policyVersion) {
    throw new ConflictError(`The policy version is ${policyVersion}, no longer ${ifPolicyVersion}`)
  }
  const commands = entries.map(auditOf).filter((command) => command !== null)
  const replaced = replacedBy(tables, commands)
  const { appended, time, written } = appendEntries(tables, entries, now, limits)
  // The name of a predictor could be mistaken for a context key.
  const keys = written.filter(({ table }) => table !== 'predictors').map(({ key }) => key)
  if (written.length > 0) tables.setMeta('policy_version', moveVersion(tables, keys))
  if (written.some(({ table }) => table === 'predictors')) tables.setMeta('predictors_at', tables.getMeta('policy_version'))
  if (entries.some(({ type }) => type === 'acknowledgement')) tables.setMeta('loss', '')
  const version = tables.getMeta('version')
  if (commands.length > 0) {
    addRows(tables, 'audit', commands.map((command, i) => JSON.stringify({ time, version, command, replaced: replaced[i] })), AUDIT_LIMIT)
  }
  return { appended, isMoved: written.length > 0 }
}

/** The policy or pin that each command replaces; earlier commands of the call count as written. */
function replacedBy (tables: Tables, commands: readonly AuditedCommand[]): unknown[] {
  const pending = new Map<string, unknown>()
  return commands.map((command) => {
    if (command.type !== 'policy' && command.type !== 'pin') return null
    const place = `${command.type} ${command.key}`
    const text = tables[command.type === 'pin' ? 'pins' : 'policies'].get(command.key) ?? null
    const replaced = pending.has(place) ? pending.get(place) : readReplaced(command, text)
    pending.set(place, command.type === 'pin' ? command.pin : command.policy)
    return replaced
  })
}

/** Newest first. */
export function readAudit ({ audit, getMeta }: Tables, limit: number, before?: string): AuditRow[] {
  if (before !== undefined && Number.isNaN(Number(before))) return [] // an id of another kind of store
  const range = audit.getRange({ reverse: true, limit, ...(before !== undefined && { start: Number(before), exclusiveStart: true }) })
  const unreadable = { command: UNREADABLE_COMMAND, replaced: null }
  const rows = range.map(({ key, value }) => ({ id: String(key), ...readAuditRow(value) ?? unreadable }))
  return datedCommands([...rows], { time: getMeta('last_place')[0], version: getMeta('version') })
}

/** Makes a new version and notes that these keys changed with it. */
export function moveVersion ({ changed, changedAt, getMeta, setMeta }: Tables, keys: readonly string[]): number {
  const version = getMeta('version') + 1
  setMeta('version', version)
  for (const key of keys) {
    const before = changed.get(key)
    if (before !== undefined) changedAt.removeSync([before, key])
    changed.putSync(key, version)
    changedAt.putSync([version, key], true)
  }
  return version
}

/** Adds numbered rows to a table that keeps only its newest rows. */
export function addRows (tables: Tables, name: 'history' | 'audit', texts: readonly string[], limit: number): void {
  let number = tables.getMeta(name)
  for (const text of texts) tables[name].putSync(++number, text)
  tables.setMeta(name, number)
  for (const old of [...tables[name].getKeys({ end: number - limit + 1 })]) tables[name].removeSync(old)
}
