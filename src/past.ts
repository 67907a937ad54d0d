import type { Past } from './core/rollback.js'
import { AUDIT_LIMIT, HISTORY_LIMIT } from './store/encoding.js'
import type { Command } from './core/log-entry.js'
import type { AuditRow, Store } from './store/store.js'

/** Rows to ask for: all, since a store may keep some more than it must. */
const ALL = 10 * HISTORY_LIMIT

/** History and audit trail, with the oldest version to which both reach back. */
export async function readPast (store: Store): Promise<Past & { reach: number }> {
  const [changes, commands] = await Promise.all([store.history(ALL), store.audit(ALL)])
  const isWhole = changes.length < HISTORY_LIMIT
  const gap = commands.find(({ command }) => command.type === 'unreadable') // before it nothing is sure
  const oldest = commands.length < AUDIT_LIMIT ? undefined : commands.at(-1)
  const reach = Math.max(isWhole ? 0 : changes.at(-1)!.version, gap?.version ?? 0, oldest?.version ?? 0)
  return { changes, isWhole, commands: commands.filter(isOfContext), reach }
}

/** Whether it said what is in force in a context; a predictor does not. */
function isOfContext (row: AuditRow): row is AuditRow & { command: Command } { return 'key' in row.command }
