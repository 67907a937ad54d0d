import type { PastChanges } from '../core/views/rollback-effect.js'
import { isUnreadableChange, type ReadHistory } from './history-reader.js'
import { AUDIT_LIMIT, HISTORY_LIMIT } from '../store/log.js'
import type { Command } from '../core/learn/log-entry.js'
import type { AuditRow, Store } from '../store/store.js'

/** Rows to ask for: enough for all, since a store may keep more than its limit. */
const ALL = 10 * HISTORY_LIMIT

/** Reads the history and the audit trail. `reach` is the oldest version back to which both are complete. */
export async function readFullHistory (readHistory: ReadHistory, store: Pick<Store, 'audit'>): Promise<PastChanges & { reach: number }> {
  const [changes, commands] = await Promise.all([readHistory(ALL), store.audit(ALL)])
  const gaps = [ // nothing before a damaged row is certain
    changes.find(isUnreadableChange),
    commands.find(({ command }) => command.type === 'unreadable'),
  ]
  const oldest = [changes.length < HISTORY_LIMIT ? undefined : changes.at(-1), commands.length < AUDIT_LIMIT ? undefined : commands.at(-1)]
  const reach = Math.max(0, ...[...gaps, ...oldest].map((row) => row?.version ?? 0))
  return { changes, commands: commands.filter(isOfContext), reach }
}

/** Whether a command is about a context, which predictor commands are not. */
function isOfContext (row: AuditRow): row is AuditRow & { command: Command } { return 'key' in row.command }
