import type { FastifyBaseLogger } from 'fastify'
import { decideStep, type Freshness, type Step, type StepDecision, withoutStops } from '../../core/decide/index.js'
import { unknownLevel } from '../../core/policy/index.js'
import { at, UnknownLevelError } from '../../errors/errors.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store, StoreLoss } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { emptySnapshot, withoutExpiredPins, loadSnapshot, type LoadedSnapshot } from './load-snapshot.js'

interface SnapshotHolderOptions {
  readonly store: Store
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** Monotonic clock, ms. */
  readonly now?: () => number
  /** Wall clock, ms. Pins expire by it, whether or not the store can be reached. */
  readonly clock?: () => number
}

/** Time after an outage of the store in which generations without enrolment or outcome may be due to it, ms. */
const AFTERMATH_MS = 30 * 60_000

export type SnapshotHolder = ReturnType<typeof createSnapshotHolder>

/** Holds the snapshot that a replica decides with, its only mutable reference, and keeps it in step with the store. */
export function createSnapshotHolder (
  { store, config, log, now = () => performance.now(), clock = () => Date.now() }: SnapshotHolderOptions
) {
  const options = { levels: config.levels, defaultPolicy: config.defaultPolicy }
  let loaded = emptySnapshot(options)
  let isPaused = config.pauseStopping
  let inForce = isPaused ? withoutStops(loaded.snapshot) : loaded.snapshot
  const listeners = new Set<() => void>() // a set, as thousands may wait for a bundle and all end at once
  let inStepAt = -Infinity // when the snapshot was last known to equal a live learner's
  let lag = 0
  let freshness: Freshness = 'too_old'
  let isReloadDue = true // after a lost connection the store may be older than the snapshot
  let running: Promise<void> | null = null
  let isAgain = false
  let isReached: boolean | null = null
  let regainedAt = -Infinity
  let problem: string | null = null
  let seenLoss: StoreLoss | null = null // which the store does not have yet
  let storedLoss: StoreLoss | null = null
  const closed = new AbortController()

  async function load (): Promise<void> {
    const isFull = isReloadDue
    isReloadDue = false
    try {
      const startedAt = now()
      const revision = await store.revision()
      const { snapshot } = loaded
      if (isReached === false) {
        regainedAt = clock()
        log.warn('the store is available again')
      }
      isReached = true
      if (snapshot.stateId !== '' && snapshot.stateId !== revision.stateId) {
        seenLoss = { kind: 'replaced', at: clock() }
        log.error({ before: snapshot.stateId, after: revision.stateId }, 'the store is a different one than before; its snapshot is in force now')
      } else if (revision.version < snapshot.version) {
        seenLoss = { kind: 'older', at: clock() }
        log.error({ before: snapshot.version, after: revision.version }, 'the store went back to an older version; some learned state is lost')
      }
      if (isFull || revision.stateId !== snapshot.stateId || revision.version !== snapshot.version) {
        swap(await loadSnapshot(store, options, isFull ? null : loaded, revision, clock()))
        log.debug({ version: revision.version, contexts: loaded.links.size }, 'snapshot loaded')
      }
      storedLoss = revision.loss
      lag = revision.lag
      inStepAt = startedAt - revision.lagMs
      problem = null
      await storeLoss()
    } catch (error) {
      isReloadDue = true
      if (!(error instanceof StoreUnavailableError)) {
        problem = (error as Error).message
        log.error({ err: error }, 'the snapshot could not be loaded; the previous one stays in force')
      } else {
        if (isReached !== false) log.warn({ reason: error.message }, 'the store is unavailable: decisions go on, outcomes are refused')
        isReached = false
      }
    }
    judgeAge()
  }

  /** Notes a loss in the store, so that all replicas warn of it until an operator acknowledges it. */
  async function storeLoss (): Promise<void> {
    if (seenLoss === null) return
    await store.noteLoss(seenLoss)
    storedLoss ??= seenLoss
    seenLoss = null
  }

  function swap (next: LoadedSnapshot): void {
    if (next === loaded) return
    loaded = next
    putInForce()
  }

  function putInForce (): void {
    inForce = isPaused ? withoutStops(loaded.snapshot) : loaded.snapshot
    for (const listener of listeners) listener()
  }

  function judgeAge (): void {
    const age = (now() - inStepAt) / 1000
    const next = age > config.maxStalenessSeconds ? 'too_old' : age > config.staleAfterSeconds ? 'stale' : 'fresh'
    if (next !== freshness) log[next === 'fresh' ? 'info' : 'warn']({ age_seconds: Math.round(age) }, `the snapshot is ${next}`)
    freshness = next
  }

  /**
   * Loads what changed. Resolves once the snapshot is in step, or the store turned out to be unavailable. Runs one load at a time; a notice
   * during a load starts another one after it.
   */
  function refresh (): Promise<void> {
    if (closed.signal.aborted) return Promise.resolve()
    if (running !== null) { isAgain = true; return running }
    running = (async () => {
      do { isAgain = false; await load() } while (isAgain && !closed.signal.aborted)
      running = null
    })()
    return running
  }

  store.onNotice((isRegained) => {
    if (isRegained) isReloadDue = true
    refresh()
  })
  const poll = setInterval(() => {
    judgeAge()
    swap(withoutExpiredPins(loaded, clock()))
    refresh()
  }, config.pollSeconds * 1000)
  poll.unref()

  return {
    /** Decides one step; never waits. @throws UnknownLevelError */
    decideStep (step: Step): StepDecision {
      if (step.context !== undefined) {
        const level = unknownLevel(inForce.levels, step.context)
        if (level !== null) throw at(`/context/${level}`, new UnknownLevelError(level, config.levels.join(', ')))
      }
      return decideStep(inForce, freshness, step)
    },
    snapshot: () => inForce,
    loaded: () => loaded,
    /** Calls back whenever a new snapshot is in force. @returns a function that unsubscribes */
    onMove (listener: () => void): () => void {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    /** Stops no generation until this is undone, whatever the store says: it may be out of reach. */
    pause (isOn: boolean): void {
      if (isOn === isPaused) return
      isPaused = isOn
      putInForce()
    },
    isPaused: () => isPaused,
    freshness: () => freshness,
    /** Seconds since the snapshot was last in step with the store; `null`: never. */
    ageSeconds: () => inStepAt === -Infinity ? null : (now() - inStepAt) / 1000,
    /** Log entries that were not folded yet at the last poll. */
    lag: () => lag,
    /** Whether the store is away, or was until shortly before. */
    wasStoreAway: () => isReached === false || clock() < regainedAt + AFTERMATH_MS,
    /** The loss of the store's contents that nobody has acknowledged; `null`: there is none. */
    loss: () => storedLoss ?? seenLoss,
    /** The loss was acknowledged: one that the store does not have yet must not be noted there. */
    forgetLoss () { seenLoss = null },
    /** Why the snapshot cannot be loaded; `null` where it can, or where the store is unavailable. */
    problem: () => problem,
    refresh,
    async close () {
      closed.abort()
      clearInterval(poll)
      await running
    },
  }
}
