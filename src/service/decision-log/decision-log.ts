import type { FastifyBaseLogger } from 'fastify'
import type { Arm } from '../../core/decide/index.js'
import type { LoggedOutcome } from '../../core/outcome/index.js'
import type { LabelEntry } from '../../core/learn/index.js'
import { inTurns } from '../../store/encoding/in-turns.js'
import { type EventStore, textBatchOf } from '../../store/event-store.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Config } from '../config/config.js'
import type { Metrics } from '../metrics/metrics.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { exportedLine, exportLines } from './export-lines.js'
import {
  CAPACITY, encodeDecision, encodeLabel, encodeOutcome, LogBuffer, type TakenDecision, type TakenLabel, type TakenOutcome,
} from './log-buffer.js'

/** Interval at which events are stored and exported, ms. */
const FLUSH_MS = 1000
/** Limits for one interval: events of each kind, and characters of answers to digest. */
const LIMIT = { events: CAPACITY, characters: 4 * 1024 * 1024 }

interface DecisionLogOptions {
  readonly events: Pick<EventStore, 'append'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
  readonly config: Pick<Config, 'decisionLogMib' | 'decisionLogFile' | 'decisionLogTreatedShare'>
  readonly metrics: Pick<Metrics, 'decisionLogEvents'>
  readonly log: FastifyBaseLogger
}

/** Logs decisions, outcomes and labels, off the decision path. Only `flush` and `close` wait or throw. */
export interface DecisionLog {
  /** Whether the steps of a generation are logged. */
  readonly takes: (generationId: string, arm: Arm) => boolean
  /** Whether any treated generation may be logged. */
  readonly isTreatedTaken: boolean
  /** Logs a decision about a generation that `takes` accepts. */
  readonly decided: (taken: TakenDecision) => void
  /** Logs an outcome that was stored, if its generation is logged. @param answer the final answer, of which only a digest is kept */
  readonly reported: (generationId: string, entry: LoggedOutcome, answer: string | undefined) => void
  /** Logs a label that was stored, if its generation is logged. */
  readonly labelled: (generationId: string, entry: LabelEntry) => void
  /** Resolves once everything logged until now is stored, or dropped because the store is down. */
  readonly flush: () => Promise<void>
  readonly close: () => Promise<void>
}

export function createDecisionLog ({ events: eventStore, snapshotHolder, config, metrics, log }: DecisionLogOptions): DecisionLog {
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

  /** The answer, unless too many characters are waiting already. */
  function kept (answer: string | undefined): string | undefined {
    if (answer === undefined || characters > LIMIT.characters) return undefined
    characters += answer.length
    return answer
  }

  async function drain (): Promise<void> {
    const { salt, levels } = snapshotHolder.snapshot()
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
      ...await inTurns(places, (i) => encodeDecision(levels, draining.get(i))),
      ...await inTurns(ended, (outcome) => encodeOutcome(salt, levels, outcome)),
      ...await inTurns(labelled, encodeLabel),
    ]
    draining.clear()
    lines?.write(events.map(exportedLine))
    if (isStored && events.length > 0) count(await storeEvents(events), events.length)
  }

  async function storeEvents (events: ReadonlyArray<readonly [id: string, text: string]>): Promise<number> {
    try {
      return await eventStore.append(textBatchOf(events))
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
    flush().catch(() => {}) // failures of the store have been logged
    share.adapt(sinceAdapted.taken, sinceAdapted.dropped, LIMIT.events)
    Object.assign(sinceAdapted, { taken: 0, dropped: 0 })
  }, FLUSH_MS)
  timer.unref()
  return {
    takes: (id, arm) => share.takes(id, arm),
    isTreatedTaken: share.isTreatedTaken,
    decided (taken) {
      if (filling.length >= LIMIT.events) { dropped++; return }
      filling.push(taken, Date.now())
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

/** The least share of generations that is logged under load. */
const MIN_SHARE = 1 / 65_536
/** The share rises again after a period with fewer events than this fraction of the limit. */
const CALM = 1 / 4

/** A hash of an id, in [0, 1): four characters at a time as in murmur3_32, with a salt of its own. */
function hashOf (id: string): number {
  const { length } = id
  let hash = 0x106 // so that it is independent of the draws of arms
  let i = 0
  for (; i + 3 < length; i += 4) {
    hash = mix(hash, id.charCodeAt(i) ^ id.charCodeAt(i + 1) << 8 ^ id.charCodeAt(i + 2) << 16 ^ id.charCodeAt(i + 3) << 24)
  }
  for (; i < length; i++) hash = mix(hash, id.charCodeAt(i))
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b)
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35)
  return ((hash ^ hash >>> 16) >>> 0) / 0x1_0000_0000
}

function mix (hash: number, block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  const h = hash ^ Math.imul(k << 15 | k >>> 17, 0x1b873593)
  return Math.imul(h << 13 | h >>> 19, 5) + 0xe6546b64 | 0
}

/**
 * Decides by a hash of the id which generations are logged, so that all replicas log the same ones, with all their steps. Under load,
 * this replica logs fewer generations, instead of fewer steps of each.
 */
export class LogShare {
  readonly #treated: number
  #share = 1

  /** @param treated share of the treated generations; all control generations are logged */
  constructor (treated: number) { this.#treated = treated }

  /** Whether any treated generation may be logged. */
  get isTreatedTaken (): boolean { return this.#treated > 0 }

  takes (generationId: string, arm: Arm): boolean {
    const share = arm === 'control' ? this.#share : this.#share * this.#treated
    return share >= 1 || (share > 0 && hashOf(generationId) < share)
  }

  /** Halves the share after a period in which something was dropped, and doubles it again after a calm one. */
  adapt (taken: number, dropped: number, limit: number): void {
    if (dropped > 0) this.#share = Math.max(MIN_SHARE, this.#share / 2)
    else if (taken < CALM * limit) this.#share = Math.min(1, this.#share * 2)
  }
}
