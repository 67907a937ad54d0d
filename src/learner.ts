import { randomUUID } from 'node:crypto'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { createCommander } from './commander.js'
import type { Config } from './config.js'
import { newLedger, type Change, type Ledger } from './core/fold.js'
import { isTickDue } from './core/learn-time.js'
import type { Configuration } from './core/log-entry.js'
import { PendingOutcomes } from './core/pending.js'
import { predictorBy, refTo } from './core/predictor/fingerprint.js'
import type { Predictor } from './core/predictor/predictor.js'
import type { PredictorVersion } from './core/predictor/predictor-version.js'
import { Reservoir } from './core/predictor/reservoir.js'
import { endExpiredPins } from './expired-pins.js'
import { foldEntries, type Memory } from './fold-entries.js'
import { missedCommands } from './missed-commands.js'
import { timedFit, type FitEnd } from './timed-fit.js'
import { createTrainer, fitInThread } from './trainer.js'
import { LeaseLostError, StoreUnavailableError, type Commit, type Store, type StoredEntry } from './store/store.js'
import { isUnreadable } from './store/unreadable-state.js'

/** Entries folded in one commit: few enough that decisions in the same thread are not held up; in its own, so many that each costs less. */
const SHARED_THREAD_BATCH = 256
export const OWN_THREAD_BATCH = 1024
/** How long a read waits for the first entry, ms. */
const WAIT_MS = 500
/** How often the learner asks whether some evidence has fallen silent, ms. */
const TICK_MS = 30_000
/** How often it looks for pins that have expired, ms. */
const PINS_MS = 1000

export type Damage = 'entry' | 'ledger' | 'pending' | 'samples' | 'predictors'

export interface LearnerOptions {
  readonly store: Store
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** Entries folded in one commit, at most. */
  readonly batch?: number
  /** Called for every move of a threshold that was committed. */
  readonly onChange?: (change: Change) => void
  /** Called with how many things in the store can't be read, and are left out. */
  readonly onDamage?: (what: Damage, count: number) => void
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
      let tickAt = performance.now() + TICK_MS // whatever the wall clock does
      let pinsAt = 0
      while (!lost.signal.aborted && !stop.signal.aborted) {
        const entries = await store.read(memory.cursor, batch, WAIT_MS)
        const commit = entries.length === 0 ? null : fold(memory, entries)
        await committing // the next is read and folded meanwhile; where it failed that is forgotten too
        // Before the commit, behind which nobody sees the damage any more.
        if (entries.some(({ entry }) => entry.type === 'unreadable')) await command(() => missedCommands(store, memory.ledger))
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

  /** What was learned so far; a new store starts with this replica's configuration, a store that has another gets it through the log. */
  async function recall (token: number): Promise<Memory> {
    const [{ cursor, ledger, contexts, damaged, ...stored }, versions] = await Promise.all([store.learned(), store.predictors()])
    const pending = new PendingOutcomes(stored.pending)
    const reservoir = new Reservoir(stored.reservoir)
    await forgetDamaged()
    await beginAnew([...contexts.keys()].filter((key) => isUnreadable(contexts.get(key)!)))
    const configuration: Configuration = {
      levels: config.levels, defaults: config.defaultPolicy, max_contexts: config.maxContexts, label_wait_seconds: config.labelWaitSeconds,
    }
    if (ledger === null || damaged.pending.length + damaged.samples.length > 0) {
      const start = damaged.ledger === 0 ? newLedger : (given: Configuration) => restoredLedger(given, contexts.size, versions)
      const first = ledger ?? await start(configuration)
      const gone = { pending: without(damaged.pending), reservoir: without(damaged.samples) }
      const nothing = { contexts: new Map(), decisive: [], changes: [] }
      await store.commit({ token, from: cursor, to: cursor, ledger: ledger === null ? first : null, ...gone, ...nothing })
      tellDamage('ledger', damaged.ledger)
      tellDamage('pending', damaged.pending.length, { ids: damaged.pending.slice(0, 20) })
      tellDamage('samples', damaged.samples.length)
      if (ledger === null) return { cursor, ledger: first, contexts, pending, reservoir, predictors: predictorsOf(first, versions) }
    }
    refused = ledger.refused
    if (!isSame(ledger.configuration, configuration)) {
      log.warn({ before: ledger.configuration, after: configuration }, 'the configuration changes; replicas that differ in it undo each other')
      await store.append([{ type: 'configuration', configuration }])
    }
    return { cursor, ledger, contexts, pending, reservoir, predictors: predictorsOf(ledger, versions) }
  }

  function tellDamage (what: Damage, count: number, more: object = {}): void {
    if (count === 0) return
    log.error({ what, count, ...more }, 'some of what the store holds can\'t be read, and is left out')
    onDamage(what, count)
  }

  /** What the tables say, which is what operators asked for last; contexts compare it with what their evidence means. */
  async function restoredLedger (
    configuration: Configuration, contexts: number, versions: ReadonlyMap<string, PredictorVersion>): Promise<Ledger> {
    const [policies, pins] = await Promise.all([store.policies(), store.pins()])
    const predictors = [...versions.values()].filter(({ retired_at: end }) => end === null).map(({ predictor }) => refTo(predictor))
    return { ...newLedger(configuration), contexts, policies, pins, predictors }
  }

  /** Contexts whose state is damaged start an epoch through the log; until it is folded nothing of theirs is in force. */
  async function beginAnew (damaged: readonly string[]): Promise<void> {
    if (damaged.length === 0) return
    log.error({ contexts: damaged.slice(0, 20), count: damaged.length }, 'the state of contexts can\'t be read: they start a new epoch, with nothing learned')
    await store.append(damaged.map((key) => ({ type: 'reset', key, by: 'stopgate', reason: 'its state could not be read' })))
  }

  /** Predictors that are damaged go, through the log; until that is folded they score nothing. */
  async function forgetDamaged (): Promise<void> {
    await command(async () => {
      const names = await store.damagedPredictors()
      tellDamage('predictors', names.length, { names })
      return names.map((name) => ({ type: 'predictor', name, version: null, by: 'stopgate', reason: 'it could not be read' }))
    })
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

/** Those of the ledger. The table may be ahead of it: one that was forgotten is gone, and another of its name is not yet learned of. */
function predictorsOf (ledger: Ledger, versions: ReadonlyMap<string, PredictorVersion>): Map<string, Predictor> {
  const predictors = new Map([...versions].map(([name, { predictor }]) => [name, predictor]))
  const known = ledger.predictors.flatMap((ref) => predictorBy(predictors, ref) ?? [])
  return new Map(known.map((predictor) => [predictor.name, predictor]))
}

/** For a commit that deletes them. */
function without<K> (keys: readonly K[]): Map<K, undefined> { return new Map(keys.map((key) => [key, undefined])) }

function isSame (a: Configuration, b: Configuration): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
