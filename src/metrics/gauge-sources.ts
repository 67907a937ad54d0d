import type { ContextState } from '../core/judgement/context-state.js'
import type { TrainingRun } from '../core/training/run.js'
import type { ScoringLink } from './predictor-metrics.js'

/** What the gauges read when they are scraped. */
export interface GaugeSources {
  readonly modelVersion: () => number
  readonly modelAgeSeconds: () => number | null
  readonly isStoreUp: () => boolean
  readonly isLeader: () => boolean
  readonly lag: () => number
  readonly refused: () => number
  /** Pins in force, those of rollbacks included. */
  readonly pins: () => number
  /** The states of the busiest contexts by key; the root, which sums over all, is always among them. */
  readonly busiest: () => Promise<ReadonlyMap<string, ContextState>>
  readonly isLeaf: (key: string) => boolean
  /** The last reported on first; absent: none are kept. */
  readonly trainingRuns?: () => Promise<readonly TrainingRun[]>
  /** Names of the predictors that are not retired, and how each context stands; absent: none. */
  readonly predictors?: () => Iterable<string>
  readonly links?: () => Iterable<ScoringLink>
}
