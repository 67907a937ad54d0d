import type { EndedDay, KeptTrace } from '../core/stats/index.js'
import type { CohortsHeader, StoredCohort } from '../core/evidence/index.js'
import type { Change, ContextState, Ledger, PendingOutcome } from '../core/learn/index.js'
import type { Sample } from '../core/scores/index.js'
import type { Cursor } from './log.js'

export interface Learned {
  readonly cursor: Cursor
  readonly ledger: Ledger | null
  readonly contexts: Map<string, ContextState>
  /** In any order. */
  readonly pending: readonly PendingOutcome[]
  /** By context key. */
  readonly cohorts: ReadonlyMap<string, StoredCohort>
  /** `null`: nothing was learned yet, or the header is unreadable, and with it all cohorts. */
  readonly follow_up: CohortsHeader | null
  /** By number, in any order. */
  readonly reservoir: ReadonlyArray<readonly [number, Sample]>
  /** Unreadable values, which are left out: 1 for the ledger, ids of pending outcomes, context keys of cohorts, numbers of samples. */
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
  /** The learner's cursor before the commit, and after it. */
  readonly from: Cursor
  readonly to: Cursor
  /** The contexts that changed; `undefined` deletes. */
  readonly contexts: ReadonlyMap<string, ContextState | undefined>
  /** Outcomes that await their label or their enrolment, by generation id; `undefined` deletes. */
  readonly pending: ReadonlyMap<string, PendingOutcome | undefined>
  /** Enrolled generations by context key; `undefined` deletes. */
  readonly cohorts: ReadonlyMap<string, StoredCohort | undefined>
  /** The clock of the follow-up, and the enrolment lists that were accepted. Every commit writes it. */
  readonly follow_up: CohortsHeader
  /** Samples that predictors are trained on, by number; `undefined` deletes. */
  readonly reservoir: ReadonlyMap<number, Sample | undefined>
  /** Full traces, by `<context key> <slot>`; each replaces the earlier one in its slot. */
  readonly traces: ReadonlyMap<string, KeptTrace>
  /** `null`: unchanged. */
  readonly ledger: Ledger | null
  /** Keys whose decisions may have changed. If there are any, the version increases and replicas are notified. */
  readonly decisive: readonly string[]
  /** For the history. */
  readonly changes: readonly Change[]
  /** Days that have ended. A day that the store has already stays as it is, and those of `SAVINGS_DAYS` before are removed. */
  readonly days: readonly EndedDay[]
}

/**
 * The learner's part of the store. One contract suite tests these laws on every implementation:
 *  1. `commit` writes states, pending outcomes, cohorts, samples, traces, ledger, changes, ended days and cursor in one atomic step, or
 *     throws and writes nothing: LeaseLostError unless its token is that of the newest lease, the lease has not expired, and the cursor
 *     equals `from`. The log is trimmed only up to the cursor.
 *  2. At most one lease is valid at a time. A later lease has a higher token.
 */
export interface LearnerStore {
  /** Returns a fencing token, or `null` while another holder's lease is valid. */
  readonly acquireLease: (holder: string, ttlMs: number) => Promise<number | null>
  /** Returns whether the lease is still this token's; if so, it is valid for another `ttlMs` from now. */
  readonly renewLease: (token: number, ttlMs: number) => Promise<boolean>
  readonly releaseLease: (token: number) => Promise<void>
  readonly learned: () => Promise<Learned>
  readonly commit: (commit: Commit) => Promise<void>
}
