import type { KeptTrace, SavingsSums } from '../core/stats/index.js'
import type {
  AcknowledgementEntry, Change, Command, ContextState, PredictorCommand, StatedFormCommand, UnreadableChange, UnreadableCommand,
} from '../core/learn/index.js'
import type { Pin, PolicyPatch } from '../core/policy/index.js'
import type { PredictorVersion } from '../core/scores/index.js'
import type { StoredCohort } from '../core/evidence/index.js'
import type { AnswerStore, EventStore } from './event-store.js'
import type { LearnerStore } from './learner-store.js'
import type { LogStore } from './log.js'
import type { SortedState, StateRow } from './state-format.js'
import type { StopStore } from './stop-store.js'
import type { TrainingRunStore } from './training-run-store.js'

/** A row of the audit trail. */
export interface AuditRow {
  /** Orders the rows of the trail. */
  readonly id: string
  readonly time: number
  /** Version of the snapshot with the command in force. An unreadable row has the latest time and version that it can have. */
  readonly version: number
  readonly command: Command | PredictorCommand | AcknowledgementEntry | StatedFormCommand | UnreadableCommand
  /** The policy or pin that was there before; null for other commands. */
  readonly replaced: PolicyPatch | Pin | null
}

/** A change, with the version of the snapshot that has it. An unreadable row has the latest time and version that it can have. */
export type HistoryRow = (Change | UnreadableChange) & { readonly id: string, readonly version: number }

/** Contents of a store were lost: it is another one than before, it went back to an older state, or some contexts cannot be read. */
export interface StoreLoss { readonly kind: 'replaced' | 'older' | 'unreadable', /** When it was seen, ms. */ readonly at: number }

/** A replica compares this with the snapshot that it has loaded. */
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
  /** The first loss that was noted and not acknowledged; `null`: none. */
  readonly loss: StoreLoss | null
}

/**
 * Holds everything durable. One contract suite tests these laws, and those of the interfaces that it is made of, on every implementation:
 *  1. Every operation on a store that is down rejects with StoreUnavailableError at once, and works again when the store is back. A write
 *     that was rejected may have happened: appending an outcome again is safe.
 *  2. Acknowledged writes outlive the process.
 *  3. `exportRows` gives everything but leases, kept answers and the decision log, as of one moment. `importRows` replaces
 *     the state by such rows, of either kind of store, in one atomic step and under a new state id. It throws StoreTakenError and writes
 *     nothing if there is a state and `replaces` is false. A learner with an earlier lease commits nothing afterwards.
 *  4. A store that a newer version has written to is refused with NewerFormatError: a folder when it is opened; in Redis by `revision`,
 *     `acquireLease`, `trainingRuns.write`, `exportRows` and `importRows`, while outcomes and labels are still accepted.
 */
export interface Store extends LogStore, LearnerStore {
  readonly kind: 'embedded' | 'redis'
  readonly trainingRuns: TrainingRunStore
  readonly events: EventStore
  readonly answers: AnswerStore
  readonly stops: StopStore

  /** Whether the last contact succeeded, and writes are taken. */
  readonly isUp: () => boolean
  /** Warnings about refused writes, and about settings of the server that put acknowledged outcomes at risk, each with the remedy. */
  readonly warnings: () => Promise<string[]>

  /** Makes the state id and the salt if there are none yet. */
  readonly revision: () => Promise<Revision>
  /** Notes a loss that a replica has seen, unless an earlier one is not acknowledged yet. An entry of type `acknowledgement` removes it. */
  readonly noteLoss: (loss: StoreLoss) => Promise<void>
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
  /** @param keys absent: all */
  readonly policies: (keys?: readonly string[]) => Promise<Map<string, PolicyPatch>>
  /** @param keys absent: all */
  readonly pins: (keys?: readonly string[]) => Promise<Map<string, Pin>>
  /** All predictors, retired ones included, in the order in which they were made. */
  readonly predictors: () => Promise<Map<string, PredictorVersion>>
  /** Names of predictors that are unreadable and therefore left out. */
  readonly damagedPredictors: () => Promise<readonly string[]>
  /** The sums of an ended day by context key; `null`: none are kept, or they are unreadable. @param day since 1970-01-01, UTC */
  readonly readSavings: (day: number) => Promise<ReadonlyMap<string, SavingsSums> | null>
  /** Newest first. */
  readonly history: (limit: number) => Promise<HistoryRow[]>
  /** Newest first; with `before`, only rows before that id. */
  readonly audit: (limit: number, before?: string) => Promise<AuditRow[]>

  readonly exportRows: () => AsyncIterable<StateRow>
  readonly importRows: (state: SortedState, replaces: boolean) => Promise<void>

  readonly close: () => Promise<void>
}
