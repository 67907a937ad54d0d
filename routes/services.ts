import type { Access } from '../src/service/access/guard.js'
import type { Config } from '../src/service/config/config.js'
import type { ContextCommands } from '../src/service/admin/context-commands.js'
import type { Contexts } from '../src/service/admin/contexts.js'
import type { Fleet } from '../src/service/admin/fleet.js'
import type { ReadSavings } from '../src/service/admin/read-savings.js'
import type { ReadHistory } from '../src/service/admin/history.js'
import type { DecisionLog } from '../src/service/decision-log/decision-log.js'
import type { StopLog } from '../src/service/decision-log/stop-log.js'
import type { Enroller } from '../src/service/decisions/enroller.js'
import type { RefusedStops } from '../src/service/outcomes/refused-stops.js'
import type { Learner } from '../src/service/learner/learner.js'
import type { ConfigurationWatch } from '../src/service/health/configuration-watch.js'
import type { ListenerTls } from '../src/service/http/listener-tls.js'
import type { Metrics } from '../src/service/metrics/metrics.js'
import type { PredictorVersions } from '../src/service/admin/predictor-versions.js'
import type { SnapshotHolder } from '../src/service/snapshot/snapshot-holder.js'
import type { Pause } from '../src/service/admin/pause.js'
import type { StoreLossReader } from '../src/service/admin/store-loss.js'
import type { Store } from '../src/store/store.js'
import type { Training } from '../src/service/training-runs/training-runs.js'

/** The services that routes call. */
export interface Services {
  readonly config: Config
  readonly access: Access
  /** `null`: the listener speaks plain HTTP. */
  readonly tls: ListenerTls | null
  readonly store: Store
  readonly snapshotHolder: SnapshotHolder
  readonly learner: Learner
  readonly configurations: ConfigurationWatch
  readonly readHistory: ReadHistory
  readonly contexts: Contexts
  readonly fleet: Fleet
  readonly readSavings: ReadSavings
  readonly contextCommands: ContextCommands
  readonly pause: Pause
  readonly storeLoss: StoreLossReader
  readonly predictors: PredictorVersions
  readonly enroller: Enroller
  readonly refusedStops: RefusedStops
  readonly decisionLog: DecisionLog
  readonly stopLog: StopLog
  readonly metrics: Metrics
  readonly training: Training
}
