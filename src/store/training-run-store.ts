import type { LogEntry } from '../core/learn/index.js'
import type { Series, TrainingRun } from '../core/training/index.js'

/** A report on a training run and its consequences. */
export interface TrainingWrite {
  /** The run after the report. */
  readonly run: TrainingRun
  /** Revision of the run that the report builds on; `null`: the run is new. */
  readonly from: number | null
  /** The series that changed. */
  readonly series: readonly Series[]
  /** Entries to append to the log. */
  readonly entries: readonly LogEntry[]
  /** Runs that are removed to make room, as they were read. */
  readonly dropped: readonly TrainingRun[]
}

/**
 * Training runs and the series of their suites. One contract suite tests these laws on every implementation:
 *  1. `write` writes a run, its series and the log entries, and removes the dropped runs with their series, in one atomic step. It throws
 *     ConflictError and writes nothing unless the run stands at `from` and the dropped runs are as given.
 *  2. An unreadable run is read as one without suites and contexts, at its revision. The next report on it writes it again.
 */
export interface TrainingRunStore {
  /** All runs without their series, in any order. */
  readonly list: () => Promise<TrainingRun[]>
  readonly read: (name: string) => Promise<TrainingRun | null>
  /** The series of a run for these suites, as far as they exist. */
  readonly readSeries: (name: string, suites: readonly string[]) => Promise<Series[]>
  readonly write: (write: TrainingWrite) => Promise<void>
}
