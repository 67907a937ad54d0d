import type { KeptTrace } from '../core/certificate/kept-trace.js'
import type { ContextState } from '../core/judgement/context-state.js'
import type { Change, UnreadableChange } from '../core/learn/threshold-change.js'
import type { Ledger } from '../core/learn/fold.js'
import type { Command, LogEntry, PredictorCommand, UnreadableCommand } from '../core/learn/log-entry.js'
import type { Pending } from '../core/recording/pending.js'
import type { PolicyPatch } from '../core/policy/policy.js'
import type { PredictorVersion } from '../core/predictor/predictor-version.js'
import type { Sample } from '../core/predictor/sample.js'
import type { CohortsHeader } from '../core/enrolment/cohorts.js'
import type { StoredCohort } from '../core/enrolment/stored-cohort.js'
import type { SortedState, StateRow } from './state-row.js'
import type { Cursor } from './cursor.js'
import type { EventStore } from './event-store.js'
import type { StepRecordStore } from './step-record-store.js'
import type { TrainingRunStore } from './training-run-store.js'
import type { Pin } from '../core/judgement/pin.js'

export interface StoredEntry { readonly cursor: Cursor, readonly time: number, readonly entry: LogEntry }

/**
 * Whether an entry was appended, or why not. `duplicate`: its id already had an outcome or label. The others are about labels: the outcome
 * was never seen or is forgotten (`unknown`), or came without the answer that the reference would grade (`unanswered`).
 */
export type Appended = 'accepted' | 'duplicate' | 'unknown' | 'unanswered'

/** A row of the audit trail. */
export interface AuditRow {
  /** Orders the rows of the trail. */
  readonly id: string
  readonly time: number
  /** Version of the model with the command in force. An unreadable row has the latest time and version that it can have. */
  readonly version: number
  readonly command: Command | PredictorCommand | UnreadableCommand
  /** The policy or pin that was there before; null for other commands. */
  readonly replaced: PolicyPatch | Pin | null
}

/** A change, with the version of the model that has it. An unreadable row has the latest time and version that it can have. */
export type HistoryRow = (Change | UnreadableChange) & { readonly id: string, readonly version: number }

/** What a replica compares with the model it has loaded. */
export interface Revision {
  /** Made once, together with the salt. Another id means another store. */
  readonly stateId: string
  readonly salt: string
  /** Moves only when some decision could differ. It may go back after a failover. */
  readonly version: number
  /** The version at which a policy, pin or predictor last moved. */
  readonly policyVersion: number
  /** Number of entries that are not folded yet, and how long the oldest of them has waited (ms). */
  readonly lag: number
  readonly lagMs: number
}

export interface Learned {
  readonly cursor: Cursor
  readonly ledger: Ledger | null
  readonly contexts: Map<string, ContextState>
  /** In any order. */
  readonly pending: readonly Pending[]
  /** By context key. */
  readonly cohorts: ReadonlyMap<string, StoredCohort>
  /** `null`: nothing was folded yet; or it is unreadable, and then all cohorts are, too. */
  readonly follow_up: CohortsHeader | null
  /** By number, in any order. */
  readonly reservoir: ReadonlyArray<readonly [number, Sample]>
  /** What is unreadable and therefore left out: 1 for the ledger, ids of pending outcomes, context keys of cohorts, numbers of samples. */
  readonly damaged: {
    readonly ledger: number
    readonly pending: readonly string[]
    readonly cohorts: readonly string[]
    readonly samples: readonly number[]
  }
}

export interface Commit {
  /** Fencing token of the learner's lease. */
  readonly token: number
  /** Where the learner stood before, and stands after the commit. */
  readonly from: Cursor
  readonly to: Cursor
  /** The contexts that changed; `undefined` deletes. */
  readonly contexts: ReadonlyMap<string, ContextState | undefined>
  /** Outcomes that await their label or their enrolment, by generation id; `undefined` deletes. */
  readonly pending: ReadonlyMap<string, Pending | undefined>
  /** Enrolled generations by context key; `undefined` deletes. */
  readonly cohorts: ReadonlyMap<string, StoredCohort | undefined>
  /** The clock of the follow-up, and the enrolment lists that were folded. Every commit writes it. */
  readonly follow_up: CohortsHeader
  /** Samples that predictors are trained on, by number; `undefined` deletes. */
  readonly reservoir: ReadonlyMap<number, Sample | undefined>
  /** Full traces, by `<context key> <slot>`; each takes the place of the one before. */
  readonly traces: ReadonlyMap<string, KeptTrace>
  /** `null`: unchanged. */
  readonly ledger: Ledger | null
  /** Keys for which some decision could differ. If there are any, the version moves and replicas are notified. */
  readonly decisive: readonly string[]
  /** For the history. */
  readonly changes: readonly Change[]
}

/**
 * Holds everything durable. One contract suite tests these laws on every implementation:
 *  1. `append` returns once its entries are durable, in order, with increasing ids. An outcome whose `generation_id` was appended within
 *     the dedup time is not appended again; the reply is `duplicate`. A label is appended if its outcome came within the dedup time and
 *     without `exact_match`, and had none. A call is all or nothing. It throws StoreFullError if outcomes, labels and enrolment lists
 *     would make the log longer than its bound; other entries are always accepted.
 *  2. A policy, pin or predictor entry is written to its table and moves the version in the same atomic step. It and a reset are also
 *     added to the audit trail, which keeps the newest 10,000 rows (for a predictor: whether it was added, retired or forgotten). With
 *     `ifPolicyVersion`, `append` throws ConflictError unless that is still the policy version.
 *  3. `commit` writes states, pending outcomes, cohorts, samples, traces, ledger, changes and cursor in one atomic step, or throws and
 *     writes nothing: LeaseLostError unless its token is the newest lease, unexpired, and the cursor stands at `from`. The log is
 *     trimmed only up to the cursor.
 *  4. At most one lease runs at a time. A later lease has a higher token.
 *  5. Every operation on a store that is down rejects with StoreUnavailableError at once, and works again when the store is back. A write
 *     that was rejected may have happened: appending an outcome again is safe.
 *  6. Acknowledged writes outlive the process.
 *  7. `exportRows` gives everything but leases, recorded steps and the decision log, as of one moment. `importRows` replaces the state by
 *     such rows, of either kind of store, in one atomic step and under a new state id. It throws StoreTakenError and writes nothing if
 *     there is a state and `replaces` is false. A learner with an earlier lease commits nothing afterwards.
 *  8. A store that a newer version has written to is refused with NewerFormatError: a folder when it is opened; in Redis by `revision`,
 *     `acquireLease`, `trainingRuns.write`, `exportRows` and `importRows`, while outcomes and labels are still accepted.
 */
export interface Store {
  readonly kind: 'embedded' | 'redis'
  readonly trainingRuns: TrainingRunStore
  readonly stepRecords: StepRecordStore
  readonly events: EventStore

  /** Whether the last contact succeeded, and writes are taken. */
  readonly isUp: () => boolean
  /** Warnings about refused writes, and about settings of the server that put acknowledged outcomes at risk, each with the remedy. */
  readonly warnings: () => Promise<string[]>

  readonly append: (entries: readonly LogEntry[], ifPolicyVersion?: number) => Promise<Appended[]>
  /**
   * Reads up to `limit` entries after the cursor, in order, and stops once they are READ_BYTES long. Waits up to `waitMs` for the first
   * entry; returns early when the store is closed.
   */
  readonly read: (after: Cursor, limit: number, waitMs: number) => Promise<StoredEntry[]>

  /** Returns a fencing token, or `null` while another holder's lease runs. */
  readonly acquireLease: (holder: string, ttlMs: number) => Promise<number | null>
  /** Returns whether the lease is still this token's; if so, it runs `ttlMs` from now. */
  readonly renewLease: (token: number, ttlMs: number) => Promise<boolean>
  readonly releaseLease: (token: number) => Promise<void>
  readonly learned: () => Promise<Learned>
  readonly commit: (commit: Commit) => Promise<void>

  /** Makes the state id and the salt if there are none yet. */
  readonly revision: () => Promise<Revision>
  /** Announces how this replica is configured, for a time. @returns what all replicas have announced, each once */
  readonly announce: (configuration: string, ttlMs: number) => Promise<string[]>
  /** Calls back after each move of the version. Notices may be lost. Also calls back when contact was regained; the version may have gone
   *  back then. */
  readonly onNotice: (listener: (isRegained: boolean) => void) => void
  /** Keys whose decisions may have changed since that version. */
  readonly changedSince: (version: number) => Promise<string[]>
  readonly contextKeys: () => Promise<string[]>
  /** States by key; contexts that do not exist are absent. */
  readonly readContexts: (keys: readonly string[]) => Promise<Map<string, ContextState>>
  /** The full traces that are kept of a context. */
  readonly readTraces: (key: string) => Promise<KeptTrace[]>
  /** Cohorts by context key; contexts without a cohort, or with an unreadable one, are absent. */
  readonly readCohorts: (keys: readonly string[]) => Promise<Map<string, StoredCohort>>
  readonly policies: () => Promise<Map<string, PolicyPatch>>
  readonly pins: () => Promise<Map<string, Pin>>
  /** All predictors, retired ones included, in the order in which they were made. */
  readonly predictors: () => Promise<Map<string, PredictorVersion>>
  /** Names of predictors that are unreadable and therefore left out. */
  readonly damagedPredictors: () => Promise<readonly string[]>
  /** Newest first. */
  readonly history: (limit: number) => Promise<HistoryRow[]>
  /** Newest first; with `before`, only rows before that id. */
  readonly audit: (limit: number, before?: string) => Promise<AuditRow[]>

  readonly exportRows: () => AsyncIterable<StateRow>
  readonly importRows: (state: SortedState, replaces: boolean) => Promise<void>

  readonly close: () => Promise<void>
}
