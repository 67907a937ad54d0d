import cluster from 'node:cluster'
import type { Server } from 'node:https'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createAccess } from '../access/access.js'
import { createApp } from './app.js'
import { busiestContexts } from '../metrics/busiest-contexts.js'
import type { Config } from '../config/config.js'
import { createContextCommands } from '../operations/context-commands.js'
import { createDecisionLog } from '../decision-log/decision-log.js'
import { createContexts } from '../operations/contexts.js'
import type { Change } from '../core/learn/threshold-change.js'
import { corruptionReporter } from '../logging/report-corruption.js'
import { watchConfigurations } from '../health/configuration-watch.js'
import { createFleetReader } from '../operations/fleet.js'
import { createHistory } from '../operations/history-reader.js'
import { startLearner } from '../learning/learner.js'
import { startLearnerThread } from '../learning/learner-thread.js'
import { keepLastKnown } from '../metrics/keep-last-known.js'
import { createListenerTls } from '../http/listener-tls.js'
import { createMetrics } from '../metrics/metrics.js'
import type { Services } from '../../routes/services.js'
import { createPredictorVersions } from '../operations/predictor-versions.js'
import { createEnroller } from '../decisions/enroller.js'
import { ENROLMENT_TIMES, type EnrolmentTimes } from '../core/enrolment/times.js'
import { createRecorder } from '../outcomes/recorder.js'
import { createRollback } from '../operations/rollback.js'
import { createScanner } from '../operations/scan-fleet.js'
import { createService } from '../replica/service.js'
import { shareMetrics, type Channel } from '../metrics/shared-metrics.js'
import { createStore } from '../store/open/create-store.js'
import type { Telemetry } from '../telemetry/start-telemetry.js'
import { createTraining } from '../training/training-runs.js'

export interface AssemblyOptions {
  /** `null` (default): none. */
  readonly telemetry?: Telemetry | null
  /** Times of enrolment, ms; the demo and tests shorten them. By default `ENROLMENT_TIMES`. */
  readonly times?: EnrolmentTimes
}

/** Creates all parts of the service and the app, which does not listen yet. Closing the app closes everything, requests in flight first. */
export async function assemble (
  config: Config, log: Logger, { telemetry = null, times = ENROLMENT_TIMES }: AssemblyOptions = {}
): Promise<Services & { app: FastifyInstance }> {
  const access = createAccess(config, log)
  const tls = createListenerTls(config, log)
  const store = await createStore(config)
  const { worker } = cluster
  const metrics = worker === undefined ? createMetrics() : shareMetrics(createMetrics(), process as Channel, worker.id)
  const service = createService({ store, config, log })
  await service.refresh()
  const recorder = createRecorder({ stepRecords: store.stepRecords, service, metrics, log })
  const decisionLog = createDecisionLog({ events: store.events, service, config, metrics, log })
  const enroller = createEnroller({ store, log, times })
  const onChange = ({ cause }: Change) => {
    if (cause === 'drift') metrics.driftAlarms.inc()
    if (cause === 'breach') metrics.breaches.inc()
    if (cause === 'left_pool') metrics.poolExits.inc()
  }
  const events = { onChange, onFit: metrics.fitted, onDamage: metrics.damaged, onEnd: () => { metrics.learnerEnds.inc() } }
  const learner = (config.hasLearnerThread ? startLearnerThread : startLearner)({ store, config, times, log, ...events })
  const configurations = watchConfigurations({ store, config, log })
  const training = createTraining(store, config)
  metrics.watch({
    modelVersion: () => service.snapshot().version,
    modelAgeSeconds: service.ageSeconds,
    isStoreUp: () => store.isUp(),
    isLeader: learner.isLeader,
    refused: learner.refused,
    isConfiguredApart: () => configurations.problem() !== null,
    pins: () => service.model().inputs.pins.size,
    lag: service.lag,
    ...busiestContexts(store, service),
    trainingRuns: keepLastKnown(training.list, []),
    predictors: () => service.model().inputs.predictors.keys(),
    links: () => service.model().links.values(),
  })
  telemetry?.watch(metrics)
  const readHistory = createHistory(store, corruptionReporter(log, metrics.damaged))
  const scan = createScanner(store, readHistory, config)
  const contexts = createContexts(store, readHistory, config, scan)
  const fleet = createFleetReader(scan, config)
  const contextCommands = createContextCommands(store, service, config)
  const rollback = createRollback(store, readHistory, service, config)
  const predictors = createPredictorVersions(store, service, config)
  const services: Services = {
    config,
    access,
    tls,
    store,
    service,
    learner,
    configurations,
    readHistory,
    contexts,
    fleet,
    contextCommands,
    rollback,
    predictors,
    recorder,
    enroller,
    decisionLog,
    metrics,
    training,
  }
  const app = createApp(services, log, { https: tls?.identity() ?? null, telemetry })
  // An app that was created with an identity has an HTTPS server; its type does not tell.
  tls?.onRenewal((identity) => { (app.server as unknown as Server).setSecureContext(identity) })
  app.addHook('onClose', async () => {
    access.close()
    configurations.close()
    tls?.close()
    await enroller.close()
    await recorder.close()
    await decisionLog.close()
    await learner.close()
    await service.close()
    await telemetry?.close()
    await store.close()
  })
  return { ...services, app }
}
