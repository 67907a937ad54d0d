import { collectDefaultMetrics, Counter, Gauge, Registry, type MetricObject } from 'prom-client'
import { watchContexts } from './context-metrics.js'
import { REASONS, type Reason } from '../core/decide/decide.js'
import type { Corrupted } from '../logging/report-corruption.js'
import { createDurations, type Durations, type Series } from './durations.js'
import { countFits, watchPredictors } from './predictor-metrics.js'
import { watchTraining } from './training-metrics.js'
import type { FitResult } from '../core/predictor/fit-end.js'
import { CUT_CAUSES } from './cut-causes.js'
import type { GaugeSources } from './gauge-sources.js'

export interface Metrics {
  readonly registry: Registry
  /** Counts decisions without looking a label up. */
  readonly decided: (reason: Reason, decisions?: number) => void
  readonly decisionSeconds: Series
  readonly requestSeconds: Durations<'method' | 'route' | 'status_code'>
  readonly outcomes: Counter<'result' | 'arm'>
  readonly labels: Counter<'result'>
  /** Who reported: outcomes and labels by token and result. */
  readonly reports: Counter<'token' | 'kind' | 'result'>
  readonly limited: Counter<'token' | 'limit'>
  /** Connections of clients that were cut off. */
  readonly cut: Counter<'cause'>
  readonly driftAlarms: Counter
  readonly learnerEnds: Counter
  /** Things in the store can't be read, and are left out. */
  readonly damaged: (what: Corrupted, count: number) => void
  /** A predictor was fitted here, or could not be. */
  readonly fitted: (end: FitResult) => void
  readonly recordedSteps: Counter<'result'>
  readonly joinedOutcomes: Counter<'result'>
  /** Attaches the gauges that read the service. */
  readonly watch: (readings: GaugeSources) => void
  /** The text that Prometheus scrapes, with what stands at this moment. */
  readonly render: () => Promise<string>
  /** The same as values, for those who add them up. */
  readonly collect: () => Promise<MetricObject[]>
}

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Every metric of the service, in a registry of its own. */
export function createMetrics (): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counts = new Map<Reason, number>(REASONS.map((reason) => [reason, 0]))

  new Counter({ // eslint-disable-line no-new
    name: 'stopgate_decisions_total',
    help: 'Decisions by answer and reason',
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
      help: 'Time to decide one request (one step or a whole batch), without HTTP',
      labelNames: [],
      buckets: [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2],
    }).series({}),
    requestSeconds: createDurations(registry, {
      name: 'stopgate_http_request_duration_seconds',
      help: 'Time to answer a request',
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
      help: 'Labels that came after their outcome, by result (accepted, duplicate, late, unknown, rejected, limited, unavailable)',
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
      help: 'Requests answered 429, by token and the limit it was over (requests, outcomes)',
      labelNames: ['token', 'limit'],
      registers,
    }),
    damaged: countDamage(registers),
    cut: countCuts(registers),
    learnerEnds: new Counter({ name: 'stopgate_learner_thread_ends_total', help: 'Learner\'s threads that failed or hung', registers }),
    driftAlarms: new Counter({ name: 'stopgate_drift_alarms_total', help: 'Drift alarms this replica raised as the learner', registers }),
    fitted: countFits(registers),
    recordedSteps: resultCounter(registers, 'stopgate_recorded_steps_total',
      'Steps of control generations kept for their outcomes (stored), or not for want of room (dropped)', ['stored', 'dropped']),
    joinedOutcomes: resultCounter(registers, 'stopgate_joined_outcomes_total',
      'Control outcomes that came without steps, by what was recorded of them', ['complete', 'incomplete', 'none']),
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

function countDamage (registers: Registry[]): Metrics['damaged'] {
  const counter = new Counter({
    name: 'stopgate_damaged_total',
    help: 'What could not be read in the store, and was left out: entry (of the log), ledger, pending (an outcome that waits), samples, predictors, audit (trail), history (a row once in each process that reads it), runs (of training)',
    labelNames: ['what'] as const,
    registers,
  })
  for (const what of ['entry', 'ledger', 'pending', 'samples', 'predictors', 'audit', 'history', 'runs'] as const) counter.inc({ what }, 0)
  return (what, count) => { counter.inc({ what }, count) }
}

function countCuts (registers: Registry[]): Metrics['cut'] {
  const counter = new Counter({
    name: 'stopgate_connections_cut_total',
    help: 'Connections cut off for what the client did: pipelined (more than 32 requests waiting), unread (took no byte of a reply for 90 s), ' +
      'timeout (a request not whole after 30 s), headers (too large), malformed (no HTTP)',
    labelNames: ['cause'] as const,
    registers,
  })
  for (const cause of CUT_CAUSES) counter.inc({ cause }, 0)
  return counter
}

/** A counter that shows each result from the start, so that an increase is seen from its first. */
function resultCounter (registers: Registry[], name: string, help: string, results: readonly string[]): Counter<'result'> {
  const counter = new Counter({ name, help, labelNames: ['result'] as const, registers })
  for (const result of results) counter.inc({ result }, 0)
  return counter
}

function watchService (registers: Registry[], readings: GaugeSources): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({ name: `stopgate_${name}`, help, registers, collect () { this.set(read()) } })
  gauge('model_version', 'Version of the model in force', readings.modelVersion)
  gauge('model_age_seconds', 'Since the model was in step with the store; +Inf: never', () => readings.modelAgeSeconds() ?? Infinity)
  gauge('store_up', '1 when the last contact with the store succeeded', () => readings.isStoreUp() ? 1 : 0)
  gauge('learner_leader', '1 on the replica that learns', () => readings.isLeader() ? 1 : 0)
  new Counter({ // eslint-disable-line no-new
    name: 'stopgate_outcomes_without_context_total',
    help: 'Outcomes that reached only their parents since MAX_CONTEXTS are learned (on the learner)',
    registers,
    collect () { this.reset(); this.inc(readings.refused()) },
  })
  gauge('pins', 'Pins in force, those of rollbacks included', readings.pins)
  gauge('outcome_log_lag', 'Entries of the log not folded yet, at the last poll', readings.lag)
}
