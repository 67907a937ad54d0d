import { randomUUID } from 'node:crypto'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { ENROLMENT_TIMES, type EnrolmentTimes } from '../../core/evidence/index.js'
import type { FitResult } from '../../core/scores/index.js'
import { type Change, WITHDRAWALS } from '../../core/learn/index.js'
import { type Corrupted, corruptionReporter } from '../../logging/log.js'
import type { Commit } from '../../store/learner-store.js'
import type { StoredEntry } from '../../store/log.js'
import { LeaseLostError, StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { missedCommands, missedEpochs } from './catch-up.js'
import { createCommander } from './commander.js'
import { foldEntries, type LearnerState } from './fold-entries.js'
import { createPeriodicJobs } from './periodic-jobs.js'
import { createTrainer, fitInThread, timedFit } from './predictor-trainer.js'
import { learnerRestorer } from './restore-learner.js'

/** Entries a commit in a thread that also decides: few enough that decisions do not wait. */
const SHARED_THREAD_BATCH = 256
/** Entries a commit in a thread of its own: more, so that each costs less. */
export const OWN_THREAD_BATCH = 8192
/** How long a read of the log waits for the first entry at most, ms. */
const WAIT_MS = 500

export interface LearnerOptions {
  readonly store: Store
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** Largest number of entries folded in one commit. */
  readonly batch?: number
  /** Times of enrolment; the usual ones by default. */
  readonly times?: EnrolmentTimes
  /** Called for every committed change of a threshold. */
  readonly onChange?: (change: Change) => void
  /** Called with the number of unreadable rows in the store, which are skipped. */
  readonly onDamage?: (what: Corrupted, count: number) => void
  /** Called when fitting a predictor ended, whether it succeeded or not. */
  readonly onFit?: (end: FitResult) => void
}

export type Learner = ReturnType<typeof startLearner>

/**
 * Folds the log into learned state while this replica holds the lease. Every replica runs a learner; the lease decides which one learns,
 * and its fencing token prevents a learner that lost the lease from committing.
 */
export function startLearner (
  {
    store, config, log, batch = SHARED_THREAD_BATCH, times = ENROLMENT_TIMES, onChange = () => {}, onFit = () => {}, onDamage = () => {},
  }: LearnerOptions
) {
  const holder = randomUUID()
  const leaseMs = config.leaseSeconds * 1000
  const stop = new AbortController()
  let isLeader = false
  let refused = 0
  let problem: string | null = null
  let size = batch // kept when the lease is lost: entries that took longer than a lease would do so again
  const command = createCommander(store, { refresh: async () => {} })
  const reportCorruption = corruptionReporter(log, onDamage)
  const restore = learnerRestorer({ store, config, log, command, reportCorruption })
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
          log.error({ err: error }, 'the learner failed and will start over')
        }
      }
      await setTimeout(leaseMs / 3, undefined, { signal: stop.signal }).catch(() => {})
    }
  })()

  async function lead (token: number): Promise<void> {
    const lost = new AbortController()
    const renew = setInterval(() => {
      store.renewLease(token, leaseMs).then((isOurs) => { if (!isOurs) lost.abort() }, () => {}) // after a failure the next commit decides
    }, leaseMs / 3)
    isLeader = true
    log.info({ token }, 'this replica is the learner')
    let committing = Promise.resolve()
    try {
      const memory = await restore(token)
      refused = memory.ledger.refused
      const runPeriodicJobs = createPeriodicJobs(store, times)
      while (!lost.signal.aborted && !stop.signal.aborted) {
        const entries = await unlessStopped(store.read(memory.cursor, size, Math.min(WAIT_MS, times.look / 2)))
        const startedAt = performance.now()
        const commit = entries.length === 0 ? null : foldEntries(memory, entries, times)
        if (commit !== null) size = nextSize(size, (performance.now() - startedAt) / leaseMs)
        await committing // reading and folding ran beside the commit before; if that failed, the fold is discarded
        await repeatMissed(memory, entries) // before the commit that skips unreadable entries
        if (commit === null) problem = null
        else {
          committing = store.commit({ token, ...commit }).then(() => { problem = null; report(commit) })
          committing.catch(() => {}) // handled where `committing` is awaited
        }
        trainer.consider(memory)
        await runPeriodicJobs(memory)
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

  /** The lease is renewed between batches, so they are smaller while folding takes long. @param part of the lease that the last one took */
  function nextSize (size: number, part: number): number {
    if (part > 1 / 6) return Math.max(1, Math.floor(size / 2))
    return part < 1 / 24 ? Math.min(batch, 2 * size) : size
  }

  /** The entries that a read of the log returns, or none as soon as the learner must stop, since a read may wait. */
  async function unlessStopped (reading: Promise<StoredEntry[]>): Promise<StoredEntry[]> {
    let onStop = (): void => {}
    const stopping = new Promise<StoredEntry[]>((resolve) => { onStop = () => { resolve([]) } })
    stop.signal.addEventListener('abort', onStop)
    return await Promise.race([reading, stopping]).finally(() => { stop.signal.removeEventListener('abort', onStop) })
  }

  /** An unreadable entry may have been a command: everything that the store's tables show and the learner does not know is logged again. */
  async function repeatMissed ({ ledger, contexts }: LearnerState, entries: readonly StoredEntry[]): Promise<void> {
    const unreadable = entries.filter(({ entry }) => entry.type === 'unreadable')
    if (unreadable.length === 0) return
    reportCorruption('entry', unreadable.length, { cursors: unreadable.slice(0, 20).map(({ cursor }) => cursor) })
    await command(async () => [...await missedCommands(store, ledger), ...await missedEpochs(store, contexts, reportCorruption)])
  }

  function report ({ ledger, changes }: Omit<Commit, 'token'>): void {
    if (ledger !== null) {
      if (refused === 0 && ledger.refused > 0) log.warn({ refused: ledger.refused }, 'no room for more contexts: outcomes of new ones count only for their parents (MAX_CONTEXTS)')
      refused = ledger.refused
    }
    for (const change of changes) {
      log[WITHDRAWALS.has(change.cause) ? 'warn' : 'info']({ change }, describeChange(change))
      onChange(change)
    }
  }

  return {
    isLeader: () => isLeader,
    /** Outcomes whose context exceeded MAX_CONTEXTS, as of this replica's last commit. */
    refused: () => refused,
    /** Why it cannot learn; `null` when it can. */
    problem: () => problem,
    async close () {
      stop.abort()
      await loop
      await trainer.close()
    },
  }
}

/** The text of the log line about a change. */
export function describeChange ({ cause, before, after }: Pick<Change, 'cause' | 'before' | 'after'>): string {
  if (cause === 'left_pool') return 'a context has left its pool, since it loses more than the pool allows'
  if (cause === 'breach') return 'a threshold is withdrawn, since real stops lose more than is allowed'
  if (cause === 'suspended') return 'a threshold is suspended, since its guards cannot see'
  if (cause === 'resumed') return 'a suspended threshold is in force again, since its guards see again'
  if (cause === 'drift' && after === null) return 'a threshold is withdrawn, since stopping has come to lose more than is allowed'
  if (after !== null && cause === 'evidence') return 'a threshold is certified'
  if (after !== null) return after === before ? 'a change kept the threshold in force' : 'a threshold has changed'
  return before === null ? 'a change; still no threshold is in force' : 'a threshold is withdrawn'
}
