import cluster from 'node:cluster'
import type { Server } from 'node:https'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Services } from '../../routes/services.js'
import { ENROLMENT_TIMES, type EnrolmentTimes } from '../core/evidence/index.js'
import { type Change, countNewMembers } from '../core/learn/index.js'
import { ROOT } from '../core/policy/index.js'
import { corruptionReporter } from '../logging/log.js'
import { createAccess } from '../service/access/guard.js'
import { createContextCommands } from '../service/admin/context-commands.js'
import { createContexts } from '../service/admin/contexts.js'
import { createFleetReader } from '../service/admin/fleet.js'
import { createHistory, lastWithdrawals } from '../service/admin/history.js'
import { createPause, type PauseChannel } from '../service/admin/pause.js'
import { createPredictorVersions } from '../service/admin/predictor-versions.js'
import { createStoreLoss } from '../service/admin/store-loss.js'
import { createSavingsReader } from '../service/admin/read-savings.js'
import { createScanner, type ScannerServices } from '../service/admin/scan-fleet.js'
import type { Config } from '../service/config/config.js'
import { createDecisionLog } from '../service/decision-log/decision-log.js'
import { createStopLog } from '../service/decision-log/stop-log.js'
import { createEnroller } from '../service/decisions/enroller.js'
import { watchConfigurations } from '../service/health/configuration-watch.js'
import { watchStore } from '../service/health/store-watch.js'
import { createListenerTls } from '../service/http/listener-tls.js'
import { startLearnerThread } from '../service/learner/learner-thread.js'
import { startLearner } from '../service/learner/learner.js'
import { busiestContexts, keepLastKnown } from '../service/metrics/busiest-contexts.js'
import { createMetrics } from '../service/metrics/metrics.js'
import { type Channel, shareMetrics } from '../service/metrics/shared-metrics.js'
import { createRefusedStops } from '../service/outcomes/refused-stops.js'
import { contextRoom } from '../service/snapshot/context-room.js'
import { describeHere } from '../service/snapshot/describe-contexts.js'
import { createSnapshotHolder } from '../service/snapshot/snapshot-holder.js'
import type { Telemetry } from '../service/telemetry/telemetry.js'
import { createTraining } from '../service/training-runs/training-runs.js'
import { createStore } from '../store/open/create-store.js'
import { createApp } from './app.js'

export interface AssemblyOptions {
  /** `null` (default): none. */
  readonly telemetry?: Telemetry | null
  /** Times of enrolment, ms; the demo and tests shorten them. By default `ENROLMENT_TIMES`. */
  readonly times?: EnrolmentTimes
  /** Whether the learner runs in a thread of its own, as by default; tests run many services in one process. */
  readonly hasLearnerThread?: boolean
}

/** Changes that are searched for withdrawals of thresholds. */
const SEARCHED = 1000

/** Creates all parts of the service and the app, which does not listen yet. Closing the app closes everything, requests in flight first. */
export async function assemble (
  config: Config, log: Logger, { telemetry = null, times = ENROLMENT_TIMES, hasLearnerThread = true }: AssemblyOptions = {}
): Promise<Services & { app: FastifyInstance }> {
  const access = createAccess(config, log)
  const tls = createListenerTls(config, log)
  const store = await createStore(config)
  const { worker } = cluster
  const metrics = worker === undefined ? createMetrics() : shareMetrics(createMetrics(), process as Channel, worker.id)
  const snapshotHolder = createSnapshotHolder({ store, config, log })
  await snapshotHolder.refresh()
  const decisionLog = createDecisionLog({ events: store.events, snapshotHolder, config, metrics, log })
  const stopLog = createStopLog({ stops: store.stops, snapshotHolder, config, metrics, log })
  const enroller = createEnroller({ store, log, times })
  const refusedStops = createRefusedStops({ store, snapshotHolder, config, log })
  const onChange = ({ cause }: Change) => {
    if (cause === 'drift') metrics.driftAlarms.inc()
    if (cause === 'left_pool') metrics.poolExits.inc()
  }
  const events = { onChange, onFit: metrics.fitted, onDamage: metrics.damaged, onEnd: () => { metrics.learnerEnds.inc() } }
  const thread = hasLearnerThread ? startLearnerThread({ config, times, log, ...events }) : null
  const learner = thread ?? startLearner({ store, config, times, log, ...events })
  const describe: ScannerServices['describe'] = async (at) =>
    await thread?.describe(at).catch(() => null) ?? await describeHere(store, config, at)
  const configurations = watchConfigurations({ store, config, log })
  const storeWatch = watchStore({ store, log })
  const training = createTraining(store, config)
  const readHistory = createHistory(store, corruptionReporter(log, metrics.damaged))
  metrics.watch({
    snapshotVersion: () => snapshotHolder.snapshot().version,
    snapshotAgeSeconds: snapshotHolder.ageSeconds,
    isStoreUp: () => store.isUp(),
    isLeader: learner.isLeader,
    isStoreLost: () => snapshotHolder.loss() !== null,
    refused: learner.refused,
    contextRoom: () => contextRoom(snapshotHolder.loaded().links, config, access.prefixes()),
    isConfiguredApart: () => configurations.problem() !== null,
    isPaused: () => snapshotHolder.isPaused() || snapshotHolder.loaded().inputs.policies.get(ROOT)?.mode === 'off',
    pins: () => snapshotHolder.loaded().inputs.pins.size,
    newMembers: () => countNewMembers(config.levels, snapshotHolder.loaded().links),
    lag: snapshotHolder.lag,
    ...busiestContexts(store, snapshotHolder),
    trainingRuns: keepLastKnown(training.list, []),
    predictors: () => snapshotHolder.loaded().inputs.predictors.keys(),
    links: () => snapshotHolder.loaded().links.values(),
    withdrawals: keepLastKnown(async () => lastWithdrawals(await readHistory(SEARCHED)), []),
  })
  telemetry?.watch(metrics)
  const scan = createScanner({ store, describe, snapshotHolder })
  const contexts = createContexts(store, readHistory, config, scan)
  const fleet = createFleetReader({ scan, snapshotHolder, config })
  const contextCommands = createContextCommands(store, snapshotHolder, config)
  const channel = worker === undefined ? null : process as PauseChannel
  const pause = createPause({ store, snapshotHolder, commands: contextCommands, config, log, channel })
  const storeLoss = createStoreLoss({ store, snapshotHolder })
  const predictors = createPredictorVersions(store, snapshotHolder, config)
  const services: Services = {
    config,
    access,
    tls,
    store,
    snapshotHolder,
    learner,
    configurations,
    readHistory,
    contexts,
    fleet,
    readSavings: createSavingsReader({ store, scan, config }),
    contextCommands,
    pause,
    storeLoss,
    predictors,
    enroller,
    refusedStops,
    decisionLog,
    stopLog,
    metrics,
    training,
  }
  const app = createApp(services, log, { https: tls?.identity() ?? null, telemetry })
  // An app that was created with an identity has an HTTPS server, but its type does not show it.
  tls?.onRenewal((identity) => { (app.server as unknown as Server).setSecureContext(identity) })
  app.addHook('onClose', async () => {
    access.close()
    configurations.close()
    storeWatch.close()
    tls?.close()
    await pause.close()
    await enroller.close()
    await refusedStops.close()
    await decisionLog.close()
    await stopLog.close()
    await learner.close()
    await snapshotHolder.close()
    await telemetry?.close()
    await store.close()
  })
  return { ...services, app }
}
