import { collectDefaultMetrics, Counter, Registry } from 'prom-client'
import { type Reason, REASONS } from '../../core/decide/index.js'
import { type Corrupted, CORRUPTIBLE } from '../../logging/log.js'
import { Durations } from './durations.js'
import { countFits, type GaugeSources, presetCounter, watchContexts, watchPredictors, watchService, watchTraining } from './gauges.js'

/** Gauges of prom-client that are named like counters. They only sum what nodejs_active_handles, _requests and _resources show by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

export type Metrics = ReturnType<typeof createMetrics>

/** Why the service closed a connection. */
export const CUT_CAUSES = ['pipelined', 'unread', 'timeout', 'headers', 'malformed'] as const
export type CutCause = typeof CUT_CAUSES[number]

/** Creates every metric of the service in a registry of its own. Several processes sum a counter unless shared-metrics.ts names it. */
export function createMetrics () {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers })
  const counts = new Map<Reason, number>(REASONS.map((reason) => [reason, 0]))

  new Counter({ // eslint-disable-line no-new
    name: 'stopgate_decisions_total',
    help: 'Decisions by decision and reason',
    labelNames: ['decision', 'reason'],
    registers,
    collect () {
      this.reset()
      for (const [reason, count] of counts) this.inc({ decision: reason === 'score_at_threshold' ? 'stop' : 'continue', reason }, count)
    },
  })

  const damage = presetCounter(registers, 'stopgate_damaged_total',
    'Unreadable items in the store that were left out: entry (of the log), ledger, pending (waiting outcome), samples, predictors, audit (trail), history (counted once in each process that reads the row), runs (of training)',
    'what', CORRUPTIBLE)

  let readContexts = async () => {}
  let readTraining = async () => {}
  const readStore = () => Promise.all([readContexts(), readTraining()])

  return {
    registry,
    /** Counts decisions by reason without a lookup of labels. */
    decided (reason: Reason, decisions = 1) { counts.set(reason, counts.get(reason)! + decisions) },
    decisionSeconds: new Durations(registry, {
      name: 'stopgate_decision_duration_seconds',
      help: 'Time to decide one request (a step or a whole batch), without HTTP',
      buckets: [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2],
    }),
    requestSeconds: new Durations(registry, {
      name: 'stopgate_http_request_duration_seconds',
      help: 'Time from the start of a request to the end of its reply; without requests that wait for a new bundle',
      labelNames: ['method', 'route', 'status_code'],
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    }),
    outcomes: counter('stopgate_outcomes_total',
      'Outcomes by result (accepted, duplicate, rejected, limited, unavailable) and arm (control, treated, unknown)', 'result', 'arm'),
    labels: counter('stopgate_labels_total',
      'Labels reported after their outcome, by result (accepted, duplicate, unknown, rejected, limited, unavailable)', 'result'),
    reports: counter('stopgate_token_reports_total',
      'Outcomes, labels and checkpoints by the token that reported them, kind (outcome, label, checkpoint) and result (accepted, duplicate)',
      'token', 'kind', 'result'),
    limited: counter('stopgate_limited_total',
      'Requests refused with 429, by token and the quota that was used up (requests, outcomes)', 'token', 'limit'),
    damaged (what: Corrupted, count: number) { damage.inc({ what }, count) },
    cut: presetCounter(registers, 'stopgate_connections_cut_total',
      'Connections closed because of the behaviour of the client: pipelined (more than 32 requests waiting), unread (read nothing for 90 s), ' +
        'timeout (request not complete after 30 s), headers (too large), malformed (not HTTP)', 'cause', CUT_CAUSES),
    learnerEnds: counter('stopgate_learner_thread_ends_total', 'Learner threads that failed or hung'),
    // Sums only: the history names the contexts. The counter of breaches names them, since its alert says which workers to repair.
    driftAlarms: counter('stopgate_drift_alarms_total', 'Drift alarms that this replica raised as the learner'),
    poolExits: counter('stopgate_pool_exits_total',
      'Contexts that this replica as the learner took out of their pool because their own generations lost more EM than max_em_drop'),
    fitted: countFits(registers),
    decisionLogEvents: presetCounter(registers, 'stopgate_decision_log_events_total',
      'Decisions, outcomes and labels for the decision log: stored, dropped because a limit was reached or the store was down, or not_exported to DECISION_LOG_FILE',
      'result', ['stored', 'dropped', 'not_exported']),
    /** Adds the gauges that read the service. */
    watch (sources: GaugeSources) {
      watchService(registers, sources)
      watchPredictors(registers, sources.predictors, sources.links)
      readContexts = watchContexts(registers, sources)
      readTraining = watchTraining(registers, sources.trainingRuns)
    },
    /** The present metrics in the text format of Prometheus. */
    async render () {
      await readStore()
      return await registry.metrics()
    },
    /** The present metrics as values, which can be aggregated. */
    async collect () {
      await readStore()
      return await registry.getMetricsAsJSON()
    },
  }
}
