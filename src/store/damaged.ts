import type { Change, Ledger, UnreadableChange } from '../core/learn/fold.js'
import type { LogEntry, UnreadableCommand } from '../core/learn/log-entry.js'
import type { Pending } from '../core/recording/pending.js'
import { UNREADABLE_POLICY, type PolicyPatch } from '../core/policy/policy.js'
import type { PredictorVersion } from '../core/predictor/predictor-version.js'
import type { Sample } from '../core/predictor/sample.js'
import { decodeLedger, decodePending, decodePin, decodePolicy, decodePredictor, decodeSample, inTurns } from './encoding.js'
import type { AuditRow, HistoryRow, Learned } from './store.js'
import {
  isNumber, isWholeAuditRow, isWholeChange, isWholeCommand, isWholeEntry, isWholeLedger, isWholePending, isWholePin, isWholePolicy,
  isWholePredictor, isWholeSample,
} from './stored-schemas.js'
import type { Pin } from '../core/judgement/pin.js'

// What one damaged value must not keep the rest from: each stands for something that stops nobody, or for nothing.

/** In place of a pin that is damaged: doubt means continue. */
export const UNREADABLE_PIN: Pin = { threshold: null, reason: 'the pin could not be read', by: 'stopgate', expires_at: null }
/** In place of a command of the audit trail: nothing is known of it, nor whose it was. */
export const UNREADABLE_COMMAND: UnreadableCommand = { type: 'unreadable', by: 'stopgate', reason: 'what was done here could not be read' }

/** In place of a change of the history. */
export const UNREADABLE_CHANGE: Omit<UnreadableChange, 'id' | 'time'> = {
  key: null, cause: 'unreadable', epoch: null, before: null, after: null, by: 'stopgate', reason: 'what moved here could not be read',
}

function read<T, U> (text: string, isWhole: (value: unknown) => boolean, decode: (text: string) => T, otherwise: U): T | U {
  try { return isWhole(JSON.parse(text)) ? decode(text) : otherwise } catch { return otherwise }
}

/** What is whole as it was parsed, once: there may be many. */
function readAsIs<T> (text: string, isWhole: (value: unknown) => boolean, otherwise: T): T {
  try {
    const value = JSON.parse(text)
    return isWhole(value) ? value : otherwise
  } catch { return otherwise }
}

export const readPolicy = (text: string): PolicyPatch => read(text, isWholePolicy, decodePolicy, UNREADABLE_POLICY)
export const readPin = (text: string): Pin => read(text, isWholePin, decodePin, UNREADABLE_PIN)
export const readPending = (text: string): Pending | null => read(text, isWholePending, decodePending, null)
export const readSample = (text: string): Sample | null => read(text, isWholeSample, decodeSample, null)
export const readCommand = (text: string): AuditRow['command'] => readAsIs(text, isWholeCommand, UNREADABLE_COMMAND)
/** With its time and version, as the embedded store keeps it. */
export function readAuditRow (text: string): Omit<AuditRow, 'id'> | null {
  const row = readAsIs<Omit<AuditRow, 'id'> | null>(text, isWholeAuditRow, null)
  return row && { ...row, replaced: wholeReplaced(row.command, row.replaced) }
}

/** What a command replaced, as the table had it; `null`: nothing. */
export function readReplaced (command: AuditRow['command'], text: string | null): PolicyPatch | Pin | null {
  return text === null ? null : wholeReplaced(command, readAsIs(text, () => true, undefined))
}

function wholeReplaced ({ type }: AuditRow['command'], value: unknown): PolicyPatch | Pin | null {
  if (value === null || (type !== 'policy' && type !== 'pin')) return null
  if (type === 'policy') return isWholePolicy(value) ? value as PolicyPatch : UNREADABLE_POLICY
  return isWholePin(value) ? value as Pin : UNREADABLE_PIN
}

/** A row as it is kept, with its version where that is kept beside it. */
interface KeptChange { readonly id: string, readonly text: string, readonly version?: number }

/**
 * Of the history, newest first. One that can't be read has the time of the one after it, and its version where it has none of its own.
 * @param now what stands for those of the one after the newest
 */
export function readChanges (rows: readonly KeptChange[], now: { readonly time: number, readonly version: number }): HistoryRow[] {
  let after = now
  return rows.map(({ id, text, version: own }) => {
    const change = readAsIs<Change & { version?: number } | null>(text, isWholeChange, null)
    const version = own ?? change?.version
    const isKnown = version !== undefined && isNumber(version)
    const row = isKnown && change !== null
      ? { ...change, version }
      : { ...UNREADABLE_CHANGE, id, time: after.time, version: isKnown ? version : after.version }
    after = row
    return row
  })
}

/** The same of the audit trail. */
interface KeptCommand extends Pick<AuditRow, 'id' | 'command' | 'replaced'> { readonly time?: number, readonly version?: number }

export function readCommands (rows: readonly KeptCommand[], now: { readonly time: number, readonly version: number }): AuditRow[] {
  let after = now
  return rows.map((row) => {
    const { time = after.time, version } = row
    after = { time, version: version !== undefined && isNumber(version) ? version : after.version }
    return { ...row, ...after }
  })
}

/** Without it no score of it stops anybody. */
export const readPredictor = (text: string): PredictorVersion | null => read(text, isWholePredictor, decodePredictor, null)
export const readLedger = (text: string): Ledger | null => read(text, isWholeLedger, decodeLedger, null)

export const readEntry = (text: string): LogEntry => readAsIs<LogEntry>(text, isWholeEntry, { type: 'unreadable' })

/** What was learned but for the states, of the texts it is kept as. */
export async function readLearned (
  ledger: string | null, pending: ReadonlyArray<readonly [string, string]>, samples: ReadonlyArray<readonly [number, string]>
): Promise<Omit<Learned, 'cursor' | 'contexts'>> {
  const read = {
    ledger: ledger === null ? null : readLedger(ledger),
    pending: await inTurns(pending, ([id, text]) => [id, readPending(text)] as const),
    samples: await inTurns(samples, ([number, text]) => [number, readSample(text)] as const),
  }
  const damaged = {
    ledger: ledger !== null && read.ledger === null ? 1 : 0,
    pending: read.pending.flatMap(([id, one]) => one === null ? [id] : []),
    samples: read.samples.flatMap(([number, one]) => one === null ? [number] : []),
  }
  const waiting = read.pending.flatMap(([, one]) => one ?? [])
  return { ledger: read.ledger, pending: waiting, reservoir: read.samples.filter(isRead), damaged }
}

function isRead (pair: readonly [number, Sample | null]): pair is readonly [number, Sample] { return pair[1] !== null }
