import { randomUUID } from 'node:crypto'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { createCommander } from '../operations/commander.js'
import type { Config } from '../config/config.js'
import type { Change } from '../core/learn/fold.js'
import { isTickDue } from '../core/learn/learn-time.js'
import { corruptionReporter, type Corrupted } from '../logging/report-corruption.js'
import { endExpiredPins } from './expired-pins.js'
import { foldEntries, type Memory } from './fold-entries.js'
import { missedCommands } from './missed-commands.js'
import { missedEpochs } from './missed-epochs.js'
import { learnerRestorer } from './restore-learner.js'
import { timedFit } from './timed-fit.js'
import { createTrainer, fitInThread } from './trainer.js'
import type { Commit, Store, StoredEntry } from '../store/store.js'
import type { FitEnd } from '../core/predictor/fit-end.js'
import { LeaseLostError, StoreUnavailableError } from '../store/store-errors.js'

/** Entries folded in one commit: few enough that decisions in the same thread are not held up; in its own, so many that each costs less. */
const SHARED_THREAD_BATCH = 256
export const OWN_THREAD_BATCH = 2048
/** How long a read waits for the first entry, ms. */
const WAIT_MS = 500
/** How often the learner asks whether some evidence has fallen silent, ms. */
const TICK_MS = 30_000
/** How often it looks for pins that have expired, ms. */
const PINS_MS = 1000

export interface LearnerOptions {
  readonly store: Store
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** Entries folded in one commit, at most. */
  readonly batch?: number
  /** Called for every move of a threshold that was committed. */
  readonly onChange?: (change: Change) => void
  /** Called with how many things in the store can't be read, and are left out. */
  readonly onDamage?: (what: Corrupted, count: number) => void
  /** Called when a predictor was fitted, or could not be. */
  readonly onFit?: (end: FitEnd) => void
}

export interface Learner {
  readonly isLeader: () => boolean
  /** Outcomes that found no room for a context of their own (MAX_CONTEXTS), as of this replica's last commit. */
  readonly refused: () => number
  /** What keeps it from learning, `null` when nothing does. */
  readonly problem: () => string | null
  readonly close: () => Promise<void>
}

/**
 * Folds the log into learned state while this process holds the lease. Any number of replicas run one; the lease picks who learns, and its
 * fencing token keeps a learner that lost it from committing.
 */
export function startLearner (
  { store, config, log, batch = SHARED_THREAD_BATCH, onChange = () => {}, onFit = () => {}, onDamage = () => {} }: LearnerOptions
): Learner {
  const holder = randomUUID()
  const leaseMs = config.leaseSeconds * 1000
  const stop = new AbortController()
  let isLeader = false
  let refused = 0
  let problem: string | null = null
  const command = createCommander(store, { refresh: async () => {} })
  const tellDamage = corruptionReporter(log, onDamage)
  const recall = learnerRestorer({ store, config, log, command, tellDamage })
  const trainer = createTrainer({ store, log, fit: timedFit(fitInThread, onFit) })

  const loop = (async () => {
    while (!stop.signal.aborted) {
      try {
        const token = await store.acquireLease(holder, leaseMs)
        if (token !== null) await lead(token)
        else problem = null
      } catch (error) {
        if (error instanceof LeaseLostError) log.warn('another replica became the learner')
        else if (!(error instanceof StoreUnavailableError)) {
          problem = (error as Error).message
          log.error({ err: error }, 'the learner failed and starts over')
        }
      }
      await setTimeout(leaseMs / 3, undefined, { signal: stop.signal }).catch(() => {})
    }
  })()

  async function lead (token: number): Promise<void> {
    const lost = new AbortController()
    const renew = setInterval(() => {
      store.renewLease(token, leaseMs).then((isOurs) => { if (!isOurs) lost.abort() }, () => {}) // a commit is the judge of a doubt
    }, leaseMs / 3)
    isLeader = true
    log.info({ token }, 'this replica is the learner')
    let committing = Promise.resolve()
    try {
      const memory = await recall(token)
      refused = memory.ledger.refused
      let tickAt = performance.now() + TICK_MS // whatever the wall clock does
      let pinsAt = 0
      while (!lost.signal.aborted && !stop.signal.aborted) {
        const entries = await store.read(memory.cursor, batch, WAIT_MS)
        const commit = entries.length === 0 ? null : fold(memory, entries)
        await committing // the next is read and folded meanwhile; where it failed that is forgotten too
        // Before the commit, behind which nobody sees the damage any more.
        if (entries.some(({ entry }) => entry.type === 'unreadable')) {
          const epochs = () => missedEpochs(store, memory.contexts, tellDamage)
          await command(async () => [...await missedCommands(store, memory.ledger), ...await epochs()])
        }
        if (commit === null) problem = null
        else {
          committing = store.commit({ token, ...commit }).then(() => { problem = null; report(commit) })
          committing.catch(() => {}) // is heard of above, or below
        }
        trainer.consider(memory)
        if (performance.now() >= tickAt) {
          tickAt = performance.now() + TICK_MS
          const isDue = isTickDue({ ...memory, keys: () => memory.contexts.keys(), get: (key) => memory.contexts.get(key) }, Date.now())
          if (isDue) await store.append([{ type: 'tick' }])
        }
        if (performance.now() >= pinsAt) {
          pinsAt = performance.now() + PINS_MS
          await endExpiredPins(store, memory.ledger.pins, Date.now())
        }
        await setImmediate()
      }
      await committing
    } finally {
      await committing.catch(() => {})
      isLeader = false
      log.info('this replica is no longer the learner')
      clearInterval(renew)
      await store.releaseLease(token).catch(() => {})
    }
  }

  function fold (memory: Memory, entries: readonly StoredEntry[]): Omit<Commit, 'token'> {
    const damaged = entries.filter(({ entry }) => entry.type === 'unreadable')
    tellDamage('entry', damaged.length, { cursors: damaged.slice(0, 20).map(({ cursor }) => cursor) })
    const { next, commit } = foldEntries(memory, entries, Date.now())
    for (const [key, state] of commit.contexts) if (state === undefined) memory.contexts.delete(key); else memory.contexts.set(key, state)
    memory.cursor = next.cursor
    memory.ledger = next.ledger
    return commit
  }

  function report ({ ledger, changes }: Omit<Commit, 'token'>): void {
    if (ledger !== null) {
      if (refused === 0 && ledger.refused > 0) log.warn({ refused: ledger.refused }, 'no room for more contexts: raise MAX_CONTEXTS')
      refused = ledger.refused
    }
    for (const change of changes) {
      log.info({ change }, 'learned')
      onChange(change)
    }
  }

  return {
    isLeader: () => isLeader,
    refused: () => refused,
    problem: () => problem,
    async close () {
      stop.abort()
      await loop
      await trainer.close()
    },
  }
}
