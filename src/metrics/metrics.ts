import { collectDefaultMetrics, Counter, Registry, type MetricObject } from 'prom-client'
import { watchContexts } from './context-metrics.js'
import { REASONS, type Reason } from '../core/decide/decide.js'
import type { Corrupted } from '../logging/report-corruption.js'
import { createDurations, type Durations, type Series } from './durations.js'
import { countFits, watchPredictors } from './predictor-metrics.js'
import { countCorrupted, countCuts, resultCounter } from './counters.js'
import { watchService } from './service-gauges.js'
import { watchTraining } from './training-metrics.js'
import type { FitResult } from '../core/predictor/fit-end.js'
import type { GaugeSources } from './gauge-sources.js'

export interface Metrics {
  readonly registry: Registry
  /** Counts decisions by reason without a lookup of labels. */
  readonly decided: (reason: Reason, decisions?: number) => void
  readonly decisionSeconds: Series
  readonly requestSeconds: Durations<'method' | 'route' | 'status_code'>
  readonly outcomes: Counter<'result' | 'arm'>
  readonly labels: Counter<'result'>
  /** Outcomes, labels and checkpoints by token and result. */
  readonly reports: Counter<'token' | 'kind' | 'result'>
  readonly limited: Counter<'token' | 'limit'>
  /** Connections that the service closed because of what the client did. */
  readonly cut: Counter<'cause'>
  readonly driftAlarms: Counter
  readonly learnerEnds: Counter
  /** Counts unreadable items in the store that were left out. */
  readonly damaged: (what: Corrupted, count: number) => void
  /** Records the end of a predictor fit. */
  readonly fitted: (end: FitResult) => void
  readonly recordedSteps: Counter<'result'>
  readonly joinedOutcomes: Counter<'result'>
  /** Adds the gauges that read the service. */
  readonly watch: (readings: GaugeSources) => void
  /** The present metrics in the text format of Prometheus. */
  readonly render: () => Promise<string>
  /** The present metrics as values, which can be aggregated. */
  readonly collect: () => Promise<MetricObject[]>
}

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Creates every metric of the service in a registry of its own. */
export function createMetrics (): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
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

  let readContexts = async () => {}
  let readTraining = async () => {}

  return {
    registry,
    decided: (reason, decisions = 1) => { counts.set(reason, counts.get(reason)! + decisions) },
    decisionSeconds: createDurations(registry, {
      name: 'stopgate_decision_duration_seconds',
      help: 'Time to decide one request (a step or a whole batch), without HTTP',
      labelNames: [],
      buckets: [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2],
    }).series({}),
    requestSeconds: createDurations(registry, {
      name: 'stopgate_http_request_duration_seconds',
      help: 'Time from the start of a request to the end of its reply',
      labelNames: ['method', 'route', 'status_code'],
      buckets: SECONDS,
    }),
    outcomes: new Counter({
      name: 'stopgate_outcomes_total',
      help: 'Outcomes by result (accepted, duplicate, rejected, limited, unavailable) and arm (control, treated, unknown)',
      labelNames: ['result', 'arm'],
      registers,
    }),
    labels: new Counter({
      name: 'stopgate_labels_total',
      help: 'Labels reported after their outcome, by result (accepted, duplicate, late, unknown, rejected, limited, unavailable)',
      labelNames: ['result'],
      registers,
    }),
    reports: new Counter({
      name: 'stopgate_token_reports_total',
      help: 'Outcomes, labels and checkpoints by the token that reported them, kind (outcome, label, checkpoint) and result (accepted, duplicate)',
      labelNames: ['token', 'kind', 'result'],
      registers,
    }),
    limited: new Counter({
      name: 'stopgate_limited_total',
      help: 'Requests refused with 429, by token and the quota that was used up (requests, outcomes)',
      labelNames: ['token', 'limit'],
      registers,
    }),
    damaged: countCorrupted(registers),
    cut: countCuts(registers),
    learnerEnds: new Counter({ name: 'stopgate_learner_thread_ends_total', help: 'Learner threads that failed or hung', registers }),
    driftAlarms: new Counter({ name: 'stopgate_drift_alarms_total', help: 'Drift alarms that this replica raised as the learner', registers }),
    fitted: countFits(registers),
    recordedSteps: resultCounter(registers, 'stopgate_recorded_steps_total',
      'Steps of control generations that were recorded (stored), or lost because a limit was reached (dropped)', ['stored', 'dropped']),
    joinedOutcomes: resultCounter(registers, 'stopgate_joined_outcomes_total',
      'Control outcomes that came without steps, by the recorded steps that were found (complete, incomplete, none)', ['complete', 'incomplete', 'none']),
    watch (readings) {
      watchService(registers, readings)
      watchPredictors(registers, readings.predictors ?? (() => []), readings.links ?? (() => []))
      readContexts = watchContexts(registers, readings)
      readTraining = watchTraining(registers, readings.trainingRuns ?? (async () => []))
    },
    async render () {
      await Promise.all([readContexts(), readTraining()])
      return await registry.metrics()
    },
    async collect () {
      await Promise.all([readContexts(), readTraining()])
      return await registry.getMetricsAsJSON()
    },
  }
}
