import type { LogEntry } from '../core/learn/index.js'

/** A place in the log, `<ms>-<sequence>`. Places are ordered; `0-0` is before the first entry. */
export type Cursor = string

/** The place before the first entry of any log. */
export const START: Cursor = '0-0'

export type Place = [ms: number, sequence: number]

export function toPlace (cursor: Cursor): Place {
  const [ms, sequence] = cursor.split('-')
  return [Number(ms), Number(sequence)]
}

export const toCursor = ([ms, sequence]: Place): Cursor => `${ms}-${sequence}`

export interface StoredEntry { readonly cursor: Cursor, readonly time: number, readonly entry: LogEntry }

/**
 * Whether an entry was appended, or why not. `duplicate`: its id already had an outcome or label. The others are about labels: the outcome
 * was never seen or is forgotten (`unknown`), came without the answer that the reference would grade (`unanswered`), or has another number
 * of steps than the label compares (`mismatched`).
 */
export type Appended = 'accepted' | 'duplicate' | 'unknown' | 'unanswered' | 'mismatched'

/** Whether entries of a type come from traffic, in unlimited numbers. */
export const isReport = (type: LogEntry['type']): boolean => type === 'outcome' || type === 'label' || type === 'enrolment' || type === 'refused_stops'

/** Bounds of the log and of the ids that it remembers. */
export type LogLimits = Readonly<typeof LOG_LIMITS>

export const LOG_LIMITS = {
  /** How long a generation id is remembered, s. */
  dedupSeconds: 604_800,
  /** Number of unfolded entries from which on outcomes, labels and enrolment lists are refused. */
  maxLogEntries: 1_000_000,
}

/** Fills in the defaults. */
export function logLimits (given: Partial<LogLimits>): LogLimits {
  return {
    dedupSeconds: given.dedupSeconds ?? LOG_LIMITS.dedupSeconds,
    maxLogEntries: given.maxLogEntries ?? LOG_LIMITS.maxLogEntries,
  }
}

/** Length after which a read ends, bytes. Folding a thousand entries of thousands of steps would outlast the learner's lease. */
export const READ_BYTES = 8 * 1024 * 1024

/** Number of changes that the history keeps; the oldest go first. */
export const HISTORY_LIMIT = 10_000

/** Number of commands that the audit trail keeps; the oldest go first. */
export const AUDIT_LIMIT = 10_000

/**
 * The log of what happened, which the learner folds. One contract suite tests these laws on every implementation:
 *  1. `append` returns once its entries are durable, in order, with increasing ids. An outcome whose `generation_id` was appended within
 *     the dedup time is not appended again; the reply is `duplicate`. A label is appended if its outcome came within the dedup time,
 *     without `exact_match`, and has no label yet. A call is all or nothing. It throws StoreFullError if outcomes, labels and enrolment
 *     lists would make the log longer than its bound; other entries are always accepted.
 *  2. A policy, pin or predictor entry is written to its table and moves the version in the same atomic step. Such entries, resets and
 *     probe forms that an operator states are also added to the audit trail, which keeps the newest 10,000 rows (of a predictor: whether it
 *     was added, retired or forgotten). With `ifPolicyVersion`, `append` throws ConflictError unless that is still the policy version.
 */
export interface LogStore {
  readonly append: (entries: readonly LogEntry[], ifPolicyVersion?: number) => Promise<Appended[]>
  /**
   * Reads up to `limit` entries after the cursor, in order, and stops once they are READ_BYTES long. Waits up to `waitMs` for the first
   * entry; returns early when the store is closed.
   */
  readonly read: (after: Cursor, limit: number, waitMs: number) => Promise<StoredEntry[]>
}
