import type { KeptTrace } from '../core/certificate/kept-trace.js'
import type { CohortsHeader } from '../core/enrolment/cohorts.js'
import type { StoredCohort } from '../core/enrolment/stored-cohort.js'
import type { Change, UnreadableChange } from '../core/learn/threshold-change.js'
import type { Ledger } from '../core/learn/fold.js'
import type { Pin } from '../core/judgement/pin.js'
import type { LogEntry, UnreadableCommand } from '../core/learn/log-entry.js'
import type { Pending } from '../core/recording/pending.js'
import { SLOTS_OF_CONTEXT } from '../core/recording/trace-slot.js'
import { UNREADABLE_POLICY, type PolicyPatch } from '../core/policy/policy.js'
import type { PredictorVersion } from '../core/predictor/predictor-version.js'
import type { Sample } from '../core/predictor/sample.js'
import { inTurns, reviveLedger } from './encoding.js'
import type { AuditRow, HistoryRow, Learned } from './store.js'
import { isCohort } from './stored-cohort-schema.js'
import {
  isAuditRow, isChange, isCommand, isEntry, isFollowUp, isLedger, isPending, isPin, isPolicy, isPredictor, isSample, isTrace,
} from './stored-schemas.js'

// A value that cannot be read must not make the others unreadable. It is replaced by one that never stops, or left out.

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
export const readCohort = (text: string): StoredCohort | null => read(text, isCohort, null)
export const readFollowUp = (text: string): CohortsHeader | null => read(text, isFollowUp, null)
export const readSample = (text: string): Sample | null => read(text, isSample, null)
export const readTrace = (text: string): KeptTrace | null => read(text, isTrace, null)
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

/** The cohorts that can be read, by key. @param texts in the order of the keys; `null`: there is none */
export function readCohorts (keys: readonly string[], texts: ReadonlyArray<string | null>): Map<string, StoredCohort> {
  return new Map(keys.flatMap((key, i) => {
    const cohort = texts[i] == null ? null : readCohort(texts[i])
    return cohort === null ? [] : [[key, cohort] as const]
  }))
}

/** Names of all the traces that a context may have. */
export function traceNames (key: string): string[] { return Array.from({ length: SLOTS_OF_CONTEXT }, (_, slot) => `${key} ${slot}`) }

/** The traces that can be read. @param texts `null`: the slot is empty */
export async function readTraces (texts: ReadonlyArray<string | null>): Promise<KeptTrace[]> {
  const traces = await inTurns(texts, (text) => text === null ? null : readTrace(text))
  return traces.filter((trace) => trace !== null)
}

/** Learned state as a store keeps it, but for the contexts. */
export interface LearnedTexts {
  readonly ledger: string | null
  readonly follow_up: string | null
  readonly pending: ReadonlyArray<readonly [id: string, text: string]>
  readonly cohorts: ReadonlyArray<readonly [key: string, text: string]>
  readonly reservoir: ReadonlyArray<readonly [number: number, text: string]>
}

export async function readLearned (texts: LearnedTexts): Promise<Omit<Learned, 'cursor' | 'contexts'>> {
  const ledger = texts.ledger === null ? null : readLedger(texts.ledger)
  const follow_up = texts.follow_up === null ? null : readFollowUp(texts.follow_up)
  const pending = await readRows(texts.pending, readPending)
  const cohorts = await readRows(texts.cohorts, (text) => follow_up === null ? null : readCohort(text)) // their times are by its clock
  const reservoir = await readRows(texts.reservoir, readSample)
  return {
    ledger,
    follow_up,
    pending: pending.whole.map(([, value]) => value),
    cohorts: new Map(cohorts.whole),
    reservoir: reservoir.whole,
    damaged: {
      ledger: texts.ledger !== null && ledger === null ? 1 : 0,
      pending: pending.damaged,
      cohorts: cohorts.damaged,
      samples: reservoir.damaged,
    },
  }
}

async function readRows<K, V> (
  rows: ReadonlyArray<readonly [K, string]>, readValue: (text: string) => V | null
): Promise<{ whole: Array<readonly [K, V]>, damaged: K[] }> {
  const values = await inTurns(rows, ([, text]) => readValue(text))
  return {
    whole: rows.flatMap(([key], i) => values[i] === null ? [] : [[key, values[i]!] as const]),
    damaged: rows.flatMap(([key], i) => values[i] === null ? [key] : []),
  }
}
