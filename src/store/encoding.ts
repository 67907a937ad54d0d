import { setImmediate } from 'node:timers/promises'
import type { ContextState } from '../core/context-state.js'
import { NO_EVIDENCE } from '../core/evidence.js'
import type { Change, Ledger } from '../core/fold.js'
import type { Pin } from '../core/in-force.js'
import type { Command, LogEntry } from '../core/log-entry.js'
import type { Pending } from '../core/pending.js'
import type { PolicyPatch } from '../core/policy.js'
import type { Cursor, HistoryRow } from './store.js'

// Everything is kept as JSON, so that an operator can read it where it lies. What is decoded was encoded here: it is not checked again.

export const encodeEntry = (entry: LogEntry): string => JSON.stringify(entry)
export const decodeEntry = (text: string): LogEntry => JSON.parse(text)

export const encodeState = (state: ContextState): string => JSON.stringify(state)

/** Half-windows that are empty, as every second one is for long, share one; with ten thousand contexts that is a sixth of the memory. */
export function decodeState (text: string): ContextState {
  const state: ContextState = JSON.parse(text)
  const [a, b] = state.halves
  return { ...state, halves: [a.generations === 0 ? NO_EVIDENCE : a, b.generations === 0 ? NO_EVIDENCE : b] }
}

export const encodePending = (pending: Pending): string => JSON.stringify(pending)
export const decodePending = (text: string): Pending => JSON.parse(text)

export const encodeChange = (change: Change): string => JSON.stringify(change)
export const decodeChange = (text: string, version: number): HistoryRow => ({ ...JSON.parse(text), version })

export const decodePolicy = (text: string): PolicyPatch => JSON.parse(text)
export const decodePin = (text: string): Pin => JSON.parse(text)

export function encodeLedger (ledger: Ledger): string {
  return JSON.stringify({ ...ledger, policies: [...ledger.policies], pins: [...ledger.pins] })
}

export function decodeLedger (text: string): Ledger {
  const ledger = JSON.parse(text)
  return { ...ledger, policies: new Map(ledger.policies), pins: new Map(ledger.pins) }
}

/** Encodes or decodes many things, with room for decisions to be answered in between: ten thousand states take a tenth of a second. */
export async function inTurns<T, U> (items: readonly T[], each: (item: T) => U): Promise<U[]> {
  const results: U[] = []
  for (const item of items) {
    results.push(each(item))
    if (results.length % 200 === 0) await setImmediate()
  }
  return results
}

/** What an entry does to a table beside the log; `null` deletes. */
export interface TableWrite { readonly table: 'policies' | 'pins', readonly key: string, readonly value: string | null }

export function tableWrite (entry: LogEntry): TableWrite | null {
  const text = (value: object | null) => value === null ? null : JSON.stringify(value)
  switch (entry.type) {
    case 'policy': return { table: 'policies', key: entry.key, value: text(entry.policy) }
    case 'pin': return { table: 'pins', key: entry.key, value: text(entry.pin) }
    default: return null
  }
}

/** Whether an operator is behind it, and the audit trail keeps it. */
export function isCommand (entry: LogEntry): entry is Command {
  return entry.type === 'policy' || entry.type === 'pin' || entry.type === 'reset'
}

/** What an outcome waits for: nothing; a label; a label that may also be a reference, since its answer came with it. */
export type Awaits = 0 | 1 | 2

/** Of an outcome, what it waits for; of a label, 1 if it needs the outcome's answer; else 0. */
export function awaits (entry: LogEntry): Awaits {
  if (entry.type === 'label') return entry.em === undefined && entry.answer === undefined ? 1 : 0
  if (entry.type !== 'outcome' || entry.full.exact_match !== undefined) return 0
  return entry.answer_digest === undefined ? 1 : 2
}

/** Before the first entry of any log. */
export const START: Cursor = '0-0'

export type Place = [ms: number, sequence: number]

export function toPlace (cursor: Cursor): Place {
  const [ms, sequence] = cursor.split('-')
  return [Number(ms), Number(sequence)]
}

export const toCursor = ([ms, sequence]: Place): Cursor => `${ms}-${sequence}`

/** How many changes the history keeps; the oldest go first. */
export const HISTORY_LIMIT = 10_000

/** How many commands the audit trail keeps. */
export const AUDIT_LIMIT = 10_000
