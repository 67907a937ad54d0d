import type { Change, Ledger, UnreadableChange } from '../core/learn/fold.js'
import type { Pin } from '../core/judgement/pin.js'
import type { LogEntry, UnreadableCommand } from '../core/learn/log-entry.js'
import type { Pending } from '../core/recording/pending.js'
import { UNREADABLE_POLICY, type PolicyPatch } from '../core/policy/policy.js'
import type { PredictorVersion } from '../core/predictor/predictor-version.js'
import type { Sample } from '../core/predictor/sample.js'
import { inTurns, reviveLedger } from './encoding.js'
import type { AuditRow, HistoryRow, Learned } from './store.js'
import {
  isAuditRow, isChange, isCommand, isEntry, isLedger, isPending, isPin, isPolicy, isPredictor, isSample,
} from './stored-schemas.js'

// A value that cannot be read must not make the others unreadable. It is replaced by one that stops nobody, or left out.

/** Replaces an unreadable pin. Doubt means continue. */
export const UNREADABLE_PIN: Pin = { threshold: null, reason: 'the pin could not be read', by: 'stopgate', expires_at: null }

/** Replaces an unreadable command of the audit trail. */
export const UNREADABLE_COMMAND: UnreadableCommand = { type: 'unreadable', by: 'stopgate', reason: 'this row could not be read' }

/** Replaces an unreadable change of the history. */
export const UNREADABLE_CHANGE: Omit<UnreadableChange, 'id' | 'time'> = {
  key: null, cause: 'unreadable', epoch: null, before: null, after: null, by: 'stopgate', reason: 'this row could not be read',
}

/** The stored value, or `otherwise` if it is not JSON or not valid. */
function read<T, U> (text: string, isValid: (value: unknown) => boolean, otherwise: U): T | U {
  try {
    const value = JSON.parse(text)
    return isValid(value) ? value : otherwise
  } catch { return otherwise }
}

export const readPolicy = (text: string): PolicyPatch => read<PolicyPatch, PolicyPatch>(text, isPolicy, UNREADABLE_POLICY)
export const readPin = (text: string): Pin => read<Pin, Pin>(text, isPin, UNREADABLE_PIN)
export const readPending = (text: string): Pending | null => read(text, isPending, null)
export const readSample = (text: string): Sample | null => read(text, isSample, null)
export const readPredictor = (text: string): PredictorVersion | null => read(text, isPredictor, null)
export const readEntry = (text: string): LogEntry => read<LogEntry, LogEntry>(text, isEntry, { type: 'unreadable' })
export const readCommand = (text: string): AuditRow['command'] => read(text, isCommand, UNREADABLE_COMMAND)

export function readLedger (text: string): Ledger | null {
  const written = read<object, null>(text, isLedger, null)
  return written === null ? null : reviveLedger(written)
}

/** A row of the audit trail as the embedded store keeps it. */
export function readAuditRow (text: string): Omit<AuditRow, 'id'> | null {
  const row = read<Omit<AuditRow, 'id'>, null>(text, isAuditRow, null)
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
    const change = read<Change & { version?: number }, null>(text, isChange, null)
    const version = own ?? change?.version
    const isKnown = Number.isFinite(version)
    const row = isKnown && change !== null
      ? { ...change, version: version! }
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

/** The learned state but for the contexts, from its texts. */
export async function readLearned (
  ledger: string | null, pending: ReadonlyArray<readonly [string, string]>, samples: ReadonlyArray<readonly [number, string]>
): Promise<Omit<Learned, 'cursor' | 'contexts'>> {
  const waiting = await inTurns(pending, ([id, text]) => [id, readPending(text)] as const)
  const reservoir = await inTurns(samples, ([number, text]) => [number, readSample(text)] as const)
  const learned = ledger === null ? null : readLedger(ledger)
  return {
    ledger: learned,
    pending: waiting.flatMap(([, value]) => value ?? []),
    reservoir: reservoir.flatMap(([number, value]) => value === null ? [] : [[number, value] as const]),
    damaged: {
      ledger: ledger !== null && learned === null ? 1 : 0,
      pending: waiting.flatMap(([id, value]) => value === null ? [id] : []),
      samples: reservoir.flatMap(([number, value]) => value === null ? [number] : []),
    },
  }
}
