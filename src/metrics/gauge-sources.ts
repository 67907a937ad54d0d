import type { ChainLink } from '../core/judgement/chain-link.js'
import type { ContextState } from '../core/judgement/context-state.js'
import type { Policy } from '../core/policy/policy.js'
import type { TrainingRun } from '../core/training/run.js'
import type { ScoringLink } from './predictor-metrics.js'

/** Values that the gauges read when they are scraped. */
export interface GaugeSources {
  readonly modelVersion: () => number
  readonly modelAgeSeconds: () => number | null
  readonly isStoreUp: () => boolean
  readonly isLeader: () => boolean
  readonly lag: () => number
  readonly refused: () => number
  /** Whether another replica has other levels or another default policy. */
  readonly isConfiguredApart: () => boolean
  /** Pins in force, including those of rollbacks. */
  readonly pins: () => number
  /** States of the busiest contexts by key, always including the root, which sums over all. */
  readonly busiest: () => Promise<ReadonlyMap<string, ContextState>>
  readonly isLeaf: (key: string) => boolean
  /** The policy in force in a context; `undefined` for one that the model does not have. */
  readonly policyOf: (key: string) => Policy | undefined
  /** The runs last reported on come first. */
  readonly trainingRuns: () => Promise<readonly TrainingRun[]>
  /** Names of the predictors that are not retired. */
  readonly predictors: () => Iterable<string>
  /** The contexts of the model. */
  readonly links: () => Iterable<ScoringLink & Pick<ChainLink, 'warnings'>>
}
