import type { Access } from './access.js'
import type { Config } from './config.js'
import type { Contexts } from './contexts.js'
import type { ReadHistory } from './history.js'
import type { Learner } from './learner.js'
import type { ListenerTls } from './listener-tls.js'
import type { Metrics } from './metrics.js'
import type { PredictorVersions } from './predictor-versions.js'
import type { Recorder } from './recorder.js'
import type { Rollback } from './rollback.js'
import type { Service } from './service.js'
import type { Store } from './store/store.js'
import type { Training } from './training.js'

/** What routes are made of. */
export interface Parts {
  readonly config: Config
  readonly access: Access
  /** `null`: plain HTTP. */
  readonly tls: ListenerTls | null
  readonly store: Store
  readonly service: Service
  readonly learner: Learner
  readonly readHistory: ReadHistory
  readonly contexts: Contexts
  readonly rollback: Rollback
  readonly predictors: PredictorVersions
  readonly recorder: Recorder
  readonly metrics: Metrics
  readonly training: Training
}
