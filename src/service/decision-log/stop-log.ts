import type { FastifyBaseLogger } from 'fastify'
import { ruleFor, type Snapshot } from '../../core/decide/index.js'
import { type LoggedOutcome, observeStop, type StoppedBy } from '../../core/outcome/index.js'
import { contextKey, type Levels } from '../../core/policy/index.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { StopStore } from '../../store/stop-store.js'
import type { Config } from '../config/config.js'
import type { Metrics } from '../metrics/metrics.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { LogBuffer, type TakenDecision } from './log-buffer.js'
import { encodeStops, type StopDecision, type StopRow } from './stop-rows.js'

/** Interval at which stops are stored, ms: longer than that of other events, since many rows together take less room. */
const FLUSH_MS = 5000
/** Stops that may wait; further ones are dropped. */
const WAITING = 32_768
/** Rows that are encoded in one turn of the event loop, and stored in one chunk. */
const CHUNK = 4096

interface StopLogOptions {
  readonly stops: Pick<StopStore, 'append'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
  readonly config: Pick<Config, 'stopLogMib'>
  readonly metrics: Pick<Metrics, 'decisionLogEvents'>
  readonly log: FastifyBaseLogger
  readonly flushMs?: number
}

/** Keeps a compact row of every stop, and one of its outcome. */
export interface StopLog {
  /** Whether stops are kept. */
  readonly isTaken: boolean
  /** Takes a decision that stops. */
  readonly decided: (taken: TakenDecision) => void
  /** Takes the outcome of a stop. @param by the decision of a worker that decided by itself */
  readonly reported: (id: string, entry: LoggedOutcome, by?: StoppedBy) => void
  readonly flush: () => Promise<void>
  readonly close: () => Promise<void>
}

const NO_STOP_LOG: StopLog = {
  isTaken: false,
  decided () {},
  reported () {},
  async flush () {},
  async close () {},
}

export function createStopLog ({ stops, snapshotHolder, config, metrics, log, flushMs = FLUSH_MS }: StopLogOptions): StopLog {
  if (config.stopLogMib === 0) return NO_STOP_LOG
  let [filling, draining] = [new LogBuffer(WAITING), new LogBuffer(WAITING)]
  let reported: StopRow[] = []
  let dropped = 0
  let last = Promise.resolve()

  async function drain (): Promise<void> {
    const { levels } = snapshotHolder.snapshot()
    const local = reported
    ;[filling, draining] = [draining, filling]
    reported = []
    metrics.decisionLogEvents.inc({ result: 'dropped' }, dropped)
    dropped = 0
    for (let from = 0; from < draining.length; from += CHUNK) {
      const to = Math.min(draining.length, from + CHUNK)
      await store(Array.from({ length: to - from }, (_, i) => rowOf(levels, draining.get(from + i))))
    }
    draining.clear()
    for (let from = 0; from < local.length; from += CHUNK) await store(local.slice(from, from + CHUNK))
  }

  async function store (rows: readonly StopRow[]): Promise<void> {
    try {
      await stops.append(await encodeStops(rows))
      metrics.decisionLogEvents.inc({ result: 'stored' }, rows.length)
    } catch (error) {
      metrics.decisionLogEvents.inc({ result: 'dropped' }, rows.length)
      if (!(error instanceof StoreUnavailableError)) log.error({ err: error }, 'stops could not be stored')
    }
  }

  /** Runs one flush at a time. */
  const flush = (): Promise<void> => { last = last.then(drain); return last }

  const isEmpty = () => filling.length === 0 && reported.length === 0 && dropped === 0
  const timer = setInterval(() => { if (!isEmpty()) flush().catch(() => {}) }, flushMs).unref()
  return {
    isTaken: true,
    decided (taken) {
      if (filling.length >= WAITING) { dropped++; return }
      filling.push(taken, Date.now())
    },
    reported (id, entry, by) {
      if (!entry.stopped) return
      if (reported.length >= WAITING) { dropped++; return }
      reported.push(reportedRow(snapshotHolder.snapshot(), id, entry, by, Date.now()))
    },
    flush,
    async close () {
      clearInterval(timer)
      await flush()
    },
  }
}

function rowOf (levels: Levels, taken: TakenDecision & { readonly at: number }): StopRow {
  const { at, id, context, source, tokens, score, scorer, threshold, version } = taken
  const key = contextKey(levels, context ?? {})
  const decision = { score: score!, scorer, threshold: threshold!, version }
  return { at, id, context: key, source: source ?? key, tokens, decision, outcome: null }
}

/** @param by absent: the service decided, or the worker does not state its decision */
function reportedRow (snapshot: Snapshot, id: string, entry: LoggedOutcome, by: StoppedBy | undefined, at: number): StopRow {
  const { context, tokens, answer_tokens: answer, stopped_probe: probe, full } = entry
  const key = contextKey(snapshot.levels, context)
  const { context: source } = ruleFor(snapshot, context)
  return {
    at,
    id,
    context: key,
    source: source ?? key,
    tokens: probe?.tokens ?? tokens - answer,
    decision: by === undefined ? null : decisionOf(by),
    outcome: { em: full.exact_match ?? null, tokens, isAsProbed: observeStop(entry, 'exact_match', true)?.isEqual ?? null },
  }
}

function decisionOf ({ score, scorer = 'confidence', threshold, snapshot_version: version }: StoppedBy): StopDecision {
  return { score, scorer, threshold, version }
}
