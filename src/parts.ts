import type { Access } from './access/access.js'
import type { Config } from './config.js'
import type { Contexts } from './operating/contexts.js'
import type { ReadHistory } from './operating/history.js'
import type { Learner } from './learning/learner.js'
import type { ListenerTls } from './http/listener-tls.js'
import type { Metrics } from './metrics/metrics.js'
import type { PredictorVersions } from './operating/predictor-versions.js'
import type { Recorder } from './outcomes/recorder.js'
import type { Rollback } from './operating/rollback.js'
import type { Service } from './service.js'
import type { Store } from './store/store.js'
import type { Training } from './training/training.js'

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
