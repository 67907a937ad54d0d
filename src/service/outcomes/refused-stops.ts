import type { FastifyBaseLogger } from 'fastify'
import { ruleFor } from '../../core/decide/index.js'
import { type Context, contextKey, unknownLevel } from '../../core/policy/index.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import { type Caller, contextAccessProblem } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** Tells the learner of stops whose outcomes were refused: what they lose cannot be seen (law 2). */
export interface RefusedStops {
  /** Counts a refused report if it is of a stop that the caller may report. Never waits and never throws. */
  readonly note: (refused: unknown, caller: Caller) => void
  /** Appends the remaining counts. */
  readonly close: () => Promise<void>
}

interface RefusedStopsOptions {
  readonly store: Pick<Store, 'append'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
  readonly config: Pick<Config, 'levels'>
  readonly log: FastifyBaseLogger
}

/**
 * Counts are appended so often, in one entry with one number for each context, however many stops were refused: whoever may report may also
 * send what is refused.
 */
const EVERY_MS = 1000

export function createRefusedStops ({ store, snapshotHolder, config: { levels }, log }: RefusedStopsOptions): RefusedStops {
  let counts = new Map<string, number>()
  let running: Promise<void> | null = null

  const add = (key: string, count: number) => { counts.set(key, (counts.get(key) ?? 0) + count) }

  /** An entry that cannot be appended is sent with the next one. If its append was only given up, its stops count twice. */
  async function send (): Promise<void> {
    if (counts.size === 0) return
    const sent = counts
    counts = new Map()
    try {
      await store.append([{ type: 'refused_stops', stops: [...sent] }])
    } catch (error) {
      for (const [key, count] of sent) add(key, count)
      if (!(error instanceof StoreUnavailableError)) log.error({ err: error }, 'refused stops could not be appended and are sent again')
    }
  }

  const timer = setInterval(() => { running ??= send().finally(() => { running = null }) }, EVERY_MS)
  timer.unref()

  return {
    note (refused, caller) {
      const context = contextOfStop(refused)
      if (context === null || unknownLevel(levels, context) !== null || contextAccessProblem(caller, levels, context) !== null) return
      const { threshold, isSuspended, context: source } = ruleFor(snapshotHolder.snapshot(), context)
      if (threshold !== null || isSuspended) add(source ?? contextKey(levels, context), 1) // elsewhere nothing has to be guarded
    },
    async close () {
      clearInterval(timer)
      await running
      await send()
    },
  }
}

/** The context of a stop that was refused; `null`: it is no stop, or repeats another one, or its context is none. */
function contextOfStop (refused: unknown): Context | null {
  if (typeof refused !== 'object' || refused === null) return null
  const { stopped, retry_of: repeated, context = {} } = refused as { stopped?: unknown, retry_of?: unknown, context?: unknown }
  if (stopped !== true || repeated !== undefined || typeof context !== 'object' || context === null) return null
  return Object.values(context).every((value) => typeof value === 'string') ? context as Context : null
}
