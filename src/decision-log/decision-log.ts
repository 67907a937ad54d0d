import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.js'
import type { Arm } from '../core/assignment/arm.js'
import type { LoggedOutcome } from '../core/grading/outcome.js'
import type { LabelEntry } from '../core/learn/log-entry.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Service } from '../replica/service.js'
import { inTurns } from '../store/encoding/in-turns.js'
import { textBatchOf, type EventStore } from '../store/event-store.js'
import { StoreUnavailableError } from '../store/store-errors.js'
import { encodeDecision, encodeLabel, encodeOutcome, type TakenLabel, type TakenOutcome } from './encode-event.js'
import { exportLines, exportedLine } from './export-lines.js'
import { CAPACITY, LogBuffer, type TakenDecision } from './log-buffer.js'
import { LogShare } from './log-share.js'

/** Interval at which events are stored and exported, ms. */
const FLUSH_MS = 1000
/** Limits of what one interval takes: events of each kind, and characters of answers that are to be digested. */
const LIMIT = { events: CAPACITY, characters: 4 * 1024 * 1024 }

export interface DecisionLogOptions {
  readonly events: Pick<EventStore, 'append'>
  readonly service: Pick<Service, 'snapshot'>
  readonly config: Pick<Config, 'decisionLogMib' | 'decisionLogFile' | 'decisionLogTreatedShare'>
  readonly metrics: Pick<Metrics, 'decisionLogEvents'>
  readonly log: FastifyBaseLogger
}

/** Logs what was asked and answered, off the decision path. Nothing here waits or throws, except for `flush`. */
export interface DecisionLog {
  /** Whether the steps of a generation are logged. */
  readonly takes: (generationId: string, arm: Arm) => boolean
  /** Whether any treated generation may be logged. */
  readonly isTreatedTaken: boolean
  /** Logs a decision on a generation that is taken. */
  readonly decided: (taken: TakenDecision) => void
  /** Logs an outcome that was stored, if its generation is taken. @param answer the final answer, of which only a digest is kept */
  readonly reported: (generationId: string, entry: LoggedOutcome, answer: string | undefined) => void
  /** Logs a label that was stored. */
  readonly labelled: (generationId: string, entry: LabelEntry) => void
  /** Resolves once everything logged until now is stored, or dropped since the store is down. */
  readonly flush: () => Promise<void>
  readonly close: () => Promise<void>
}

export function createDecisionLog ({ events: stored, service, config, metrics, log }: DecisionLogOptions): DecisionLog {
  const isStored = config.decisionLogMib > 0
  const lines = exportLines(config.decisionLogFile, log, (count) => { metrics.decisionLogEvents.inc({ result: 'not_exported' }, count) })
  const share = new LogShare(config.decisionLogTreatedShare)
  let filling = new LogBuffer()
  let draining = new LogBuffer()
  let outcomes: TakenOutcome[] = []
  let labels: TakenLabel[] = []
  let characters = 0
  let dropped = 0
  const sinceAdapted = { taken: 0, dropped: 0 }
  let queued: Promise<void> | null = null // the flush that has not started
  let last = Promise.resolve()

  /** The answer, unless too many are waiting already. */
  function kept (answer: string | undefined): string | undefined {
    if (answer === undefined || characters > LIMIT.characters) return undefined
    characters += answer.length
    return answer
  }

  async function drain (): Promise<void> {
    const { salt, levels } = service.snapshot()
    const [ended, labelled] = [outcomes, labels]
    sinceAdapted.taken += filling.length + ended.length + labelled.length
    sinceAdapted.dropped += dropped
    ;[filling, draining] = [draining, filling]
    outcomes = []
    labels = []
    count(0)
    characters = 0
    const places = Array.from({ length: draining.length }, (_, i) => i)
    const events = [
      ...await inTurns(places, (i) => encodeDecision(salt, levels, draining.get(i))),
      ...await inTurns(ended, (outcome) => encodeOutcome(salt, levels, outcome)),
      ...await inTurns(labelled, encodeLabel),
    ]
    draining.clear()
    lines?.write(events.map(exportedLine))
    if (isStored && events.length > 0) count(await storeEvents(events), events.length)
  }

  async function storeEvents (events: ReadonlyArray<readonly [id: string, text: string]>): Promise<number> {
    try {
      return await stored.append(textBatchOf(events))
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) log.error({ err: error }, 'the decision log could not be stored')
      return 0
    }
  }

  function count (stored: number, offered = stored): void {
    metrics.decisionLogEvents.inc({ result: 'stored' }, stored)
    metrics.decisionLogEvents.inc({ result: 'dropped' }, dropped + offered - stored)
    dropped = 0
  }

  /** Runs one flush at a time. Calls during a flush share the next one, which includes everything logged before the call. */
  function flush (): Promise<void> {
    if (queued === null) last = queued = last.then(() => { queued = null; return drain() })
    return queued
  }

  if (!isStored && lines === null) return SILENT
  const timer = setInterval(() => {
    flush().catch(() => {}) // it reports what fails
    share.adapt(sinceAdapted.taken, sinceAdapted.dropped, LIMIT.events)
    Object.assign(sinceAdapted, { taken: 0, dropped: 0 })
  }, FLUSH_MS)
  timer.unref()
  return {
    takes: (id, arm) => share.takes(id, arm),
    isTreatedTaken: share.isTreatedTaken,
    decided (taken) {
      if (filling.length >= LIMIT.events) { dropped++; return }
      filling.push(taken, kept(taken.answer), Date.now())
    },
    reported (id, entry, answer) {
      const { arm, stopped } = entry
      if (!share.takes(id, arm ?? (stopped ? 'treated' : 'control'))) return
      if (outcomes.length >= LIMIT.events) { dropped++; return }
      outcomes.push({ entry, answer: entry.answer_digest === undefined ? kept(answer) : undefined, at: Date.now() })
    },
    labelled (id, entry) {
      if (!share.takes(id, 'control')) return
      if (labels.length >= LIMIT.events) { dropped++; return }
      labels.push({ entry, at: Date.now() })
    },
    flush,
    async close () {
      clearInterval(timer)
      await flush()
      await lines?.close()
    },
  }
}

const SILENT: DecisionLog = {
  takes: () => false,
  isTreatedTaken: false,
  decided () {},
  reported () {},
  labelled () {},
  flush: async () => {},
  close: async () => {},
}
