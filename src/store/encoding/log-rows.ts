import type { Pin, PolicyPatch } from '../../core/policy/index.js'
import type {
  AcknowledgementEntry, Change, Command, LogEntry, PredictorCommand, PredictorEntry, ProbeFormEntry, StatedFormCommand, UnreadableChange,
  UnreadableCommand,
} from '../../core/learn/index.js'
import type { Appended } from '../log.js'
import type { AuditRow, HistoryRow, StoreLoss } from '../store.js'
import { isAuditRow, isChange, isCommand, isEntry, isLoss } from './stored-schemas.js'
import { readPin, readPolicy, readValue } from './stored-values.js'

// Everything is stored as JSON, so that operators can read it. Values are checked before they are revived (see stored-schemas.ts).

export const encodeEntry = (entry: LogEntry): string => JSON.stringify(entry)

/** A write to a table that accompanies a log entry; `null` deletes. */
export interface TableWrite { readonly table: 'policies' | 'pins' | 'predictors', readonly key: string, readonly value: string | null }

export function tableWrite (entry: LogEntry): TableWrite | null {
  const text = (value: object | null) => value === null ? null : JSON.stringify(value)
  switch (entry.type) {
    case 'policy': return { table: 'policies', key: entry.key, value: text(entry.policy) }
    case 'pin': return { table: 'pins', key: entry.key, value: text(entry.pin) }
    case 'predictor': return { table: 'predictors', key: entry.name, value: text(entry.version) }
    default: return null
  }
}

export type AuditedCommand = Command | PredictorCommand | AcknowledgementEntry | StatedFormCommand

/** The part of an entry that the audit trail keeps, if any. A predictor itself can take a megabyte, and is in its own table. */
export function auditOf (entry: LogEntry): AuditedCommand | null {
  switch (entry.type) {
    case 'policy': case 'pin': case 'reset': case 'acknowledgement': return entry
    case 'predictor': return predictorCommand(entry)
    case 'probe_form': return statedForm(entry)
    default: return null
  }
}

function predictorCommand ({ type, name, version, by, reason }: PredictorEntry): PredictorCommand {
  const action = version === null ? 'forgotten' : version.retired_at === null ? 'added' : 'retired'
  return { type, name, action, by, ...(reason !== undefined && { reason }) }
}

/** A form that workers found is no command. */
function statedForm ({ type, key, finding: { form, is_stated: isStated }, by }: ProbeFormEntry): StatedFormCommand | null {
  return isStated && form !== null ? { type, key, form, by } : null
}

/** The report that an outcome awaits: 0 none, 1 a label, 2 a label that may be a reference, since the outcome has its answer. */
type Awaits = 0 | 1 | 2

/** The memory of a generation id: when its outcome arrived, the report that it awaits, and the number of its steps. */
export type Seen = readonly [ms: number, awaits: Awaits, steps: number]

/** The number of steps that a label needs if it is not about a certain number. */
const ANY = -1

/**
 * For an outcome, the report that it awaits and the number of its steps; for a label, 1 if it needs the outcome's answer, and the number of
 * steps that it needs; otherwise 0 and `ANY`.
 */
export function awaits (entry: LogEntry): [awaits: Awaits, steps: number] {
  if (entry.type === 'outcome') {
    const { full, answer_digest: answer, steps } = entry
    return [full.exact_match !== undefined ? 0 : answer === undefined ? 1 : 2, steps?.length ?? 0]
  }
  if (entry.type !== 'label') return [0, ANY]
  const { em, answer, references, differences, stopped_probe_difference: served } = entry
  const isComparison = differences !== undefined && em === undefined && served === undefined
  return [references !== undefined && em === undefined && answer === undefined ? 1 : 0, isComparison ? differences.length : ANY]
}

/** The result for a label whose outcome is remembered. */
export function resultOfLabel ([, waits, steps]: Seen, label: LogEntry): Appended {
  const [needs, compared] = awaits(label)
  if (waits === 0) return 'duplicate'
  if (waits === 1 && needs === 1) return 'unanswered'
  return compared === ANY || compared === steps ? 'accepted' : 'mismatched'
}

/** Replaces an unreadable command of the audit trail. */
export const UNREADABLE_COMMAND: UnreadableCommand = { type: 'unreadable', by: 'stopgate', reason: 'this row could not be read' }

/** Replaces an unreadable change of the history. */
export const UNREADABLE_CHANGE: Omit<UnreadableChange, 'id' | 'time'> = {
  key: null, cause: 'unreadable', epoch: null, before: null, after: null, by: 'stopgate', reason: 'this row could not be read',
}

export const readEntry = (text: string): LogEntry => readValue<LogEntry, LogEntry>(text, isEntry, { type: 'unreadable' })
export const readCommand = (text: string): AuditRow['command'] => readValue(text, isCommand, UNREADABLE_COMMAND)

/** A loss that was noted; one that is damaged was a loss all the same. */
export const readLoss = (text: string): StoreLoss => readValue<StoreLoss, StoreLoss>(text, isLoss, { kind: 'replaced', at: 0 })

/** A row of the audit trail as the embedded store keeps it. */
export function readAuditRow (text: string): Omit<AuditRow, 'id'> | null {
  const row = readValue<Omit<AuditRow, 'id'>, null>(text, isAuditRow, null)
  return row && { ...row, replaced: readReplaced(row.command, (JSON.stringify(row.replaced) as string | undefined) ?? '') }
}

/** The policy or pin that a command replaced, given as its table had it; `null`: none. */
export function readReplaced ({ type }: AuditRow['command'], text: string | null): PolicyPatch | Pin | null {
  if (text === null || text === 'null') return null
  return type === 'policy' ? readPolicy(text) : type === 'pin' ? readPin(text) : null
}

interface TimedRow { readonly time: number, readonly version: number }

/**
 * Rows of the history, newest first. An unreadable row is given the time, and if need be the version, of the row after it: the latest that
 * they can be.
 * @param now time and version for an unreadable newest row
 */
export function readChanges (
  rows: ReadonlyArray<{ readonly id: string, readonly text: string, readonly version?: number }>, now: TimedRow
): HistoryRow[] {
  let after = now
  return rows.map(({ id, text, version: own }) => {
    const change = readValue<Change & { version?: number }, null>(text, isChange, null)
    const version = own ?? change?.version
    const isKnown = Number.isFinite(version)
    const row = isKnown && change !== null
      ? { ...change, id, version: version! }
      : { ...UNREADABLE_CHANGE, id, time: after.time, version: isKnown ? version! : after.version }
    after = row
    return row
  })
}

/** Gives unreadable rows of the audit trail, newest first, a time and version in the same way. */
export function datedCommands (
  rows: ReadonlyArray<Pick<AuditRow, 'id' | 'command' | 'replaced'> & Partial<TimedRow>>, now: TimedRow
): AuditRow[] {
  let after = now
  return rows.map((row) => {
    after = { time: row.time ?? after.time, version: Number.isFinite(row.version) ? row.version! : after.version }
    return { ...row, ...after }
  })
}
