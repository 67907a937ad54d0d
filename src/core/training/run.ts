import type { Checkpoint } from './checkpoint.js'
import type { VerdictName } from './verdict.js'

/** A stored report. */
export interface Attempt {
  readonly checkpoint: Checkpoint
  /** ms. */
  readonly received_at: number
}

/** All reports of one step on one suite. */
export interface SeriesPoint {
  readonly step: number
  /** Oldest first; several if the step was reported with differing figures. The last one counts. */
  readonly attempts: readonly Attempt[]
}

/** All reports on one suite, by step. */
export interface Series {
  readonly suite: string
  readonly points: readonly SeriesPoint[]
  /** The highest step that was dropped to make room; `null`: none was. */
  readonly forgotten_through: number | null
}

/** The newest checkpoint of a suite, for lists and metrics. */
export interface SuiteSummary {
  readonly suite: string
  /** Number of stored steps. */
  readonly steps: number
  /** Number of stored steps that were reported again with other figures under the same threshold. */
  readonly replayed: number
  readonly step: number
  readonly em: number
  readonly tokens_mean: number
  readonly verdicts: readonly VerdictName[]
}

/** The newest checkpoint of a run that serves a context. */
export interface ServedCheckpoint {
  /** Context key. */
  readonly key: string
  readonly step: number
  /** When it was first reported, ms. */
  readonly at: number
}

/** A run without its series. */
export interface TrainingRun {
  readonly name: string
  /** Increases with every write. */
  readonly revision: number
  readonly created_at: number
  readonly updated_at: number
  readonly suites: readonly SuiteSummary[]
  readonly contexts: readonly ServedCheckpoint[]
}
