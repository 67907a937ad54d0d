import type { ContextState } from '../core/judgement/context-state.js'
import type { Change, Ledger, UnreadableChange } from '../core/learn/fold.js'
import type { Command, LogEntry, PredictorCommand, UnreadableCommand } from '../core/learn/log-entry.js'
import type { Pending } from '../core/recording/pending.js'
import type { PolicyPatch } from '../core/policy/policy.js'
import type { PredictorVersion } from '../core/predictor/predictor-version.js'
import type { Sample } from '../core/predictor/sample.js'
import type { RecordedStep } from '../core/recording/recorded-step.js'
import type { Series, TrainingRun } from '../core/training/run.js'
import type { SortedState, StateRow } from './state-row.js'
import type { StepBatch } from './step-batch.js'
import type { Cursor } from './cursor.js'
import type { Pin } from '../core/judgement/pin.js'

export interface StoredEntry { readonly cursor: Cursor, readonly time: number, readonly entry: LogEntry }

/**
 * What became of an entry: appended; or not, because its id had its outcome or label already (`duplicate`), or because a label's
 * outcome was never seen or is forgotten (`unknown`), or waits no longer (`late`), or came without the answer that the label's reference
 * would grade (`unanswered`).
 */
export type Appended = 'accepted' | 'duplicate' | 'unknown' | 'late' | 'unanswered'

/** A command as the audit trail keeps it. */
export interface AuditRow {
  /** Of the row, in the order of the trail. */
  readonly id: string
  readonly time: number
  /** Of the model, once it was in force. Of one that can't be read, time and version at the latest. */
  readonly version: number
  readonly command: Command | PredictorCommand | UnreadableCommand
  /** The policy or pin that was there before; of a predictor nothing. */
  readonly replaced: PolicyPatch | Pin | null
}

/** A change with the model's version once it was committed. Of one that can't be read, time and version at the latest. */
export type HistoryRow = (Change | UnreadableChange) & { readonly version: number }

/** What a replica compares with what it has. */
export interface Revision {
  /** Made once, with the salt; another one means another store. */
  readonly stateId: string
  readonly salt: string
  /** Moves only when some decision could differ; may go back after a failover. */
  readonly version: number
  /** The version at which a policy, pin or predictor last moved. */
  readonly policyVersion: number
  /** Entries appended and not yet folded, and for how long the oldest of them has waited, ms. */
  readonly lag: number
  readonly lagMs: number
}

export interface Learned {
  readonly cursor: Cursor
  readonly ledger: Ledger | null
  readonly contexts: Map<string, ContextState>
  /** In no order. */
  readonly pending: readonly Pending[]
  /** By number, in no order. */
  readonly reservoir: ReadonlyArray<readonly [number, Sample]>
  /** What is damaged, and not among them: whether the ledger is, ids of outcomes that wait, numbers of samples. */
  readonly damaged: { readonly ledger: number, readonly pending: readonly string[], readonly samples: readonly number[] }
}

export interface Commit {
  /** Fencing token of the lease it is made under. */
  readonly token: number
  /** Where the learner stood, and stands after this. */
  readonly from: Cursor
  readonly to: Cursor
  /** What changed; `undefined` deletes. */
  readonly contexts: ReadonlyMap<string, ContextState | undefined>
  /** Outcomes that wait for a label, by generation id; the same. */
  readonly pending: ReadonlyMap<string, Pending | undefined>
  /** What predictors are trained on, by number; the same. */
  readonly reservoir: ReadonlyMap<number, Sample | undefined>
  /** `null`: unchanged. */
  readonly ledger: Ledger | null
  /** The keys for which some decision could differ; if there are any, the version moves and replicas get notice. */
  readonly decisive: readonly string[]
  /** For the history. */
  readonly changes: readonly Change[]
}

/** What is reported of a training run, and what that sets off. */
export interface TrainingWrite {
  /** As it stands after this. */
  readonly run: TrainingRun
  /** Revision of the run that this builds on; `null`: there was none. */
  readonly from: number | null
  /** Those that changed. */
  readonly series: readonly Series[]
  /** For the log. */
  readonly entries: readonly LogEntry[]
  /** Runs that make room, as they stood. */
  readonly dropped: readonly TrainingRun[]
}

/**
 * Where everything durable is. Laws, on which one contract suite insists for every implementation:
 *  1. `append` returns once its entries are durable, in order, with ids that never go back. An outcome whose `generation_id` was
 *     appended within the dedup time is not appended again and reads `duplicate`. A label is appended if its outcome waits for one
 *     (it came without `exact_match`, less than the label wait ago by the log's clock) and had none. One call is all or nothing.
 *     StoreFullError where outcomes and labels would make the log longer than its bound; other entries always pass.
 *  2. A policy, pin or predictor entry is also in its table, and the version has moved, in the same atomic step; it and a reset are
 *     also in the audit trail, which keeps the newest 10,000 (of a predictor not what it is, but whether it was added, retired or
 *     forgotten). With `ifPolicyVersion`, ConflictError unless that is still the policy version.
 *  3. `commit` writes states, pending outcomes, samples, ledger, changes and cursor in one atomic step, or throws and writes nothing:
 *     LeaseLostError unless its token is the newest lease, unexpired, and the cursor stands at `from`. The log is trimmed only behind the
 *     cursor.
 *  4. At most one lease at a time; a later one has a higher token.
 *  5. Every operation on a store that is down rejects with StoreUnavailableError at once, and works again when it is back.
 *     It is not told whether a write it was waiting for happened: appending an outcome again is safe.
 *  6. What was acknowledged outlives the process.
 *  7. `record` appends steps to the records of their generations, in order, whichever replicas write to one. Records are bounded in time
 *     and size (RecordLimits): one is gone that long after its last step, whole; steps beyond a generation's most are not kept; and where
 *     there are too many records the ones that were written to the longest ago go, whole. If it rejects, the steps may be there: they
 *     may be recorded again.
 *  8. `writeTraining` writes a run, its series and the log entries in one atomic step, the runs that make room gone with their series; or
 *     throws ConflictError and writes nothing, unless the run stands at `from` and those that go are as given.
 *  9. `exportRows` gives everything but leases and recorded steps, as of one moment. `importRows` puts that in place of what there is, in
 *     one atomic step and under a new state id, whichever kind of store it came from; or throws StoreTakenError and writes nothing where
 *     there is something and it does not replace. A learner of before commits nothing afterwards.
 * 10. What a newer version has written to is refused with NewerFormatError: the folder when it is opened; in Redis `revision`,
 *     `acquireLease`, `writeTraining`, `exportRows` and `importRows`, while outcomes and labels are taken on.
 */
export interface Store {
  readonly kind: 'embedded' | 'redis'
  /** Whether the last contact succeeded. */
  readonly isUp: () => boolean
  /** Settings of the server that put acknowledged outcomes at risk, each with the remedy. */
  readonly warnings: () => Promise<string[]>

  readonly append: (entries: readonly LogEntry[], ifPolicyVersion?: number) => Promise<Appended[]>
  /**
   * Up to `limit` entries after the cursor, in order, and no more once they are READ_BYTES long; waits up to `waitMs` for the first, and
   * returns early when closed.
   */
  readonly read: (after: Cursor, limit: number, waitMs: number) => Promise<StoredEntry[]>

  /** Returns how many of the steps were kept. They are not to change until then. */
  readonly record: (steps: StepBatch) => Promise<number>
  /** The records of those that have one. */
  readonly recorded: (generationIds: readonly string[]) => Promise<Map<string, RecordedStep[]>>
  readonly forget: (generationIds: readonly string[]) => Promise<void>

  /** A fencing token, or `null` while another holder's lease runs. */
  readonly acquireLease: (holder: string, ttlMs: number) => Promise<number | null>
  /** Whether the lease is still this token's; if so it runs `ttlMs` from now. */
  readonly renewLease: (token: number, ttlMs: number) => Promise<boolean>
  readonly releaseLease: (token: number) => Promise<void>
  readonly learned: () => Promise<Learned>
  readonly commit: (commit: Commit) => Promise<void>

  /** Makes state id and salt where there are none yet. */
  readonly revision: () => Promise<Revision>
  /** Calls back after every move of the version that this process hears of; notices may be lost. Also when contact
   *  was regained, after which the version may have gone back. */
  readonly onNotice: (listener: (isRegained: boolean) => void) => void
  /** Keys whose decisions may have changed after that version. */
  readonly changedSince: (version: number) => Promise<string[]>
  readonly contextKeys: () => Promise<string[]>
  /** The states of those that exist. */
  readonly readContexts: (keys: readonly string[]) => Promise<Map<string, ContextState>>
  readonly policies: () => Promise<Map<string, PolicyPatch>>
  readonly pins: () => Promise<Map<string, Pin>>
  /** Retired ones too, in the order in which they were made. */
  readonly predictors: () => Promise<Map<string, PredictorVersion>>
  /** Names of those that are damaged, and not among them. */
  readonly damagedPredictors: () => Promise<readonly string[]>
  /** Newest first. */
  readonly history: (limit: number) => Promise<HistoryRow[]>
  /** Newest first, those before a row's id if one is given. */
  readonly audit: (limit: number, before?: string) => Promise<AuditRow[]>

  /** Without their series, in no order. */
  readonly trainingRuns: () => Promise<TrainingRun[]>
  readonly trainingRun: (name: string) => Promise<TrainingRun | null>
  /** Those of these suites of a run that there are. */
  readonly trainingSeries: (name: string, suites: readonly string[]) => Promise<Series[]>
  readonly writeTraining: (write: TrainingWrite) => Promise<void>

  readonly exportRows: () => AsyncIterable<StateRow>
  readonly importRows: (state: SortedState, replaces: boolean) => Promise<void>

  readonly close: () => Promise<void>
}
