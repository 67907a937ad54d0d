import { isoTime, pinToWire } from '../../../openapi/wire.js'
import { effectivePolicy, isWithin, type Pin, type Policy, type PolicyPatch, ROOT } from '../../core/policy/index.js'
import { type Change, type Origin, type UnreadableChange, WITHDRAWALS } from '../../core/learn/index.js'
import type { ReportCorruption } from '../../logging/log.js'
import { HISTORY_LIMIT } from '../../store/log.js'
import type { AuditRow, HistoryRow, Store } from '../../store/store.js'

/** Reads the latest changes of thresholds, newest first. */
export type ReadHistory = (limit: number) => Promise<HistoryRow[]>

/** Returns a reader of the history that reports each damaged row once. */
export function createHistory (store: Pick<Store, 'history'>, report: ReportCorruption): ReadHistory {
  const reported = new Set<string>()
  return async (limit) => {
    const changes = await store.history(limit)
    const ids = changes.filter(isUnreadableChange).map(({ id }) => id).filter((id) => !reported.has(id))
    for (const id of ids) reported.add(id)
    report('history', ids.length, { ids: ids.slice(0, 20) })
    return changes
  }
}

function isUnreadableChange (change: HistoryRow): change is UnreadableChange & HistoryRow { return change.cause === 'unreadable' }

/** Withdrawals that metrics show. */
const LAST_WITHDRAWALS = 50

/** Pass `next` as `before` for the next page; `null`: this is the last page. */
interface HistoryPage { readonly changes: HistoryRow[], readonly next: string | null }

/**
 * A page of the changes of a context and those below it, newest first. For the root these are all, unreadable ones included.
 * @param before id of a row, after which the page begins; the page is empty where the row is no longer kept
 */
export async function historyWithin (readHistory: ReadHistory, prefix: string, limit: number, before?: string): Promise<HistoryPage> {
  const rows = await readHistory(prefix === ROOT && before === undefined ? limit + 1 : HISTORY_LIMIT)
  return pageOf(rows, ({ key }) => prefix === ROOT || (key !== null && isWithin(key, prefix)), limit, before)
}

/** A page of a context's own changes, newest first. @param before as of `historyWithin` */
export async function historyOf (readHistory: ReadHistory, key: string, limit: number, before?: string): Promise<HistoryPage> {
  return pageOf(await readHistory(HISTORY_LIMIT), (row) => row.key === key, limit, before)
}

/** A change of the mode in force for a context, by a policy of its own or above it. */
export interface ModeMove extends Origin {
  readonly time: number
  /** The context whose policy moved it. */
  readonly key: string
  readonly before: Policy['mode']
  readonly after: Policy['mode']
}

/** Mode moves that are listed. */
const MOST_MODES = 200

/**
 * The changes of the mode in force for a context, newest first: the audit trail is undone from the present policies on, since a policy
 * hides those above it. It ends at a damaged row, before which nothing is certain.
 * @param commands newest first
 */
export function modesOf (
  key: string, defaults: PolicyPatch, policies: ReadonlyMap<string, PolicyPatch>, commands: readonly AuditRow[]
): ModeMove[] {
  const then = new Map(policies)
  const moves: ModeMove[] = []
  for (const { time, command, replaced } of commands) {
    if (command.type === 'unreadable' || moves.length === MOST_MODES) break
    if (command.type !== 'policy' || !isWithin(key, command.key)) continue
    const after = effectivePolicy(defaults, then, key).mode
    if (replaced === null) then.delete(command.key); else then.set(command.key, replaced as PolicyPatch)
    const before = effectivePolicy(defaults, then, key).mode
    const { by, reason } = command
    if (before !== after) moves.push({ time, key: command.key, before, after, by, ...(reason !== undefined && { reason }) })
  }
  return moves
}

function pageOf (rows: readonly HistoryRow[], isShown: (row: HistoryRow) => boolean, limit: number, before?: string): HistoryPage {
  const place = before === undefined ? -1 : rows.findIndex(({ id }) => id === before)
  const older = before !== undefined && place === -1 ? [] : rows.slice(place + 1)
  const found = older.filter(isShown)
  const changes = found.slice(0, limit)
  return { changes, next: found.length > limit ? changes.at(-1)!.id : null }
}

/**
 * A command as `GET /v1/audit` shows it. A predictor belongs to no single context, so its key is `null`; `policy` and `pin` are what the
 * command put in force, `null` where it removed what was there.
 */
export function auditView ({ id, time, version, command, replaced }: AuditRow) {
  const { type, by, reason = null } = command
  const key = 'key' in command ? command.key : null
  const row = { id, time: isoTime(time), by, type, key, reason, version }
  switch (command.type) {
    case 'policy': return { ...row, policy: command.policy, replaced: replaced as PolicyPatch | null }
    case 'pin': return { ...row, pin: pinToWire(command.pin), replaced: pinToWire(replaced as Pin | null) }
    case 'reset': case 'acknowledgement': case 'unreadable': return { ...row, replaced: null }
    case 'probe_form': return { ...row, probe_form: command.form, replaced: null }
    case 'predictor': return { ...row, predictor: { name: command.name, action: command.action }, replaced: null }
  }
}

/** A page of the audit trail, newest first. @returns `next` is the id to pass as `before` for the next page, `null` at the end */
export async function auditPage (store: Store, limit: number, before?: string) {
  const rows = await store.audit(limit + 1, before)
  const commands = rows.slice(0, limit).map(auditView)
  return { commands, next: rows.length > limit ? commands.at(-1)!.id : null }
}

/** The contexts whose last change was the withdrawal of a threshold, or a departure from a pool. @param rows newest first */
export function lastWithdrawals (rows: readonly HistoryRow[]): Change[] {
  const last = new Map<string, Change>()
  for (const row of rows) if (!isUnreadableChange(row) && !last.has(row.key)) last.set(row.key, row)
  return [...last.values()].filter(({ cause }) => WITHDRAWALS.has(cause)).slice(0, LAST_WITHDRAWALS)
}
