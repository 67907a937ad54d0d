import type { Command, LogEntry, PredictorCommand } from '../core/learn/log-entry.js'
import { addRows, moveVersion } from './embedded-commit.js'
import { appendEntries } from './embedded-log.js'
import type { Tables } from './embedded-tables.js'
import { datedCommands, readAuditRow, readReplaced, UNREADABLE_COMMAND } from './read-stored.js'
import { AUDIT_LIMIT, auditOf } from './encoding.js'
import type { LogLimits } from './log-limits.js'
import type { Appended, AuditRow } from './store.js'
import { ConflictError } from './store-errors.js'

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
  const version = tables.getMeta('version')
  if (commands.length > 0) {
    addRows(tables, 'audit', commands.map((command, i) => JSON.stringify({ time, version, command, replaced: replaced[i] })), AUDIT_LIMIT)
  }
  return { appended, isMoved: written.length > 0 }
}

/** The policy or pin that each command replaces; earlier commands of the call count as written. */
function replacedBy (tables: Tables, commands: ReadonlyArray<Command | PredictorCommand>): unknown[] {
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
