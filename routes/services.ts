import type { Access } from '../src/access/access.js'
import type { Config } from '../src/config/config.js'
import type { ContextCommands } from '../src/operations/context-commands.js'
import type { Contexts } from '../src/operations/contexts.js'
import type { Fleet } from '../src/operations/fleet.js'
import type { ReadHistory } from '../src/operations/history-reader.js'
import type { DecisionLog } from '../src/decision-log/decision-log.js'
import type { Enroller } from '../src/decisions/enroller.js'
import type { Learner } from '../src/learning/learner.js'
import type { ConfigurationWatch } from '../src/health/configuration-watch.js'
import type { ListenerTls } from '../src/http/listener-tls.js'
import type { Metrics } from '../src/metrics/metrics.js'
import type { PredictorVersions } from '../src/operations/predictor-versions.js'
import type { Recorder } from '../src/outcomes/recorder.js'
import type { Rollback } from '../src/operations/rollback.js'
import type { Service } from '../src/replica/service.js'
import type { Store } from '../src/store/store.js'
import type { Training } from '../src/training/training-runs.js'

/** What routes call. */
export interface Services {
  readonly config: Config
  readonly access: Access
  /** `null`: the listener speaks plain HTTP. */
  readonly tls: ListenerTls | null
  readonly store: Store
  readonly service: Service
  readonly learner: Learner
  readonly configurations: ConfigurationWatch
  readonly readHistory: ReadHistory
  readonly contexts: Contexts
  readonly fleet: Fleet
  readonly contextCommands: ContextCommands
  readonly rollback: Rollback
  readonly predictors: PredictorVersions
  readonly recorder: Recorder
  readonly enroller: Enroller
  readonly decisionLog: DecisionLog
  readonly metrics: Metrics
  readonly training: Training
}
