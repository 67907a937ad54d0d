import { randomUUID } from 'node:crypto'
import { type LogEntry, SERVICE } from '../../core/learn/index.js'
import { ROOT } from '../../core/policy/index.js'
import { encodeState } from '../encoding/context-states.js'
import { inTurns } from '../encoding/in-turns.js'
import { encodeDay } from '../encoding/savings-days.js'
import { type Appended, type Cursor, logLimits, type LogLimits, type StoredEntry } from '../log.js'
import { checkFormat, type SortedState, STATE_FORMAT } from '../state-format.js'
import { encodeCohort, encodePending, encodeSample, encodeTrace } from '../encoding/stored-values.js'
import { ANSWER_LIMITS, EVENT_LIMITS, type RecordLimits } from '../event-store.js'
import type { Commit } from '../learner-store.js'
import { LeaseLostError, StoreUnavailableError } from '../store-errors.js'
import { STOP_LIMITS, type StopLimits } from '../stop-store.js'
import type { Revision, Store, StoreLoss } from '../store.js'
import { checkDataFolder, checkFile, checkFolder, checkLength, fileIdentity, isEmptied, makeFolder, ROOM, takeFolder } from './data-folder.js'
import { EmbeddedLease, writeCommit } from './embedded-learning.js'
import { append, entriesAfter } from './embedded-log.js'
import { EmbeddedReader } from './embedded-reader.js'
import { EmbeddedRecords } from './embedded-records.js'
import { importState } from './embedded-state.js'
import { lastPageOf, openRoot, type Tables, tablesIn, transact } from './embedded-tables.js'
import { EmbeddedStops } from './embedded-stops.js'
import { EmbeddedTrainingRuns } from './embedded-training-runs.js'
import { ThreadNotices } from './thread-notices.js'

export interface EmbeddedOptions extends Partial<LogLimits> {
  /** Folder of the data, made if absent; one process at a time. */
  readonly dataDir: string
  /** Limits of the decision log. */
  readonly events?: Partial<RecordLimits>
  /** Limits of the answers that await a label. */
  readonly answers?: Partial<RecordLimits>
  /** Limits of its stops. */
  readonly stops?: Partial<StopLimits>
  /**
   * Whether another store may hold the folder. One in another thread of this process must outlive this store; beside one in another
   * process, this store may only read.
   */
  readonly isGuest?: boolean
}

/** Why stopping is paused where the data file was emptied. */
const EMPTIED = 'the data file was empty: stopping may have been paused'

/** Time after a failed write in which further ones fail at once. */
const RETRY_MS = 1000

/**
 * A store in a folder, for one process. Other threads of the process may open it as guests, and so may other processes that only read it.
 * LMDB runs write transactions one at a time, and they are on disk when they resolve.
 */
export class EmbeddedStore extends EmbeddedReader implements Store {
  readonly kind = 'embedded'
  readonly #release: () => Promise<void>
  readonly #dataDir: string
  /** Of the file that was opened. */
  readonly #fileIdentity: string | null
  readonly #limits: LogLimits
  readonly trainingRuns: EmbeddedTrainingRuns
  readonly events: EmbeddedRecords
  readonly answers: EmbeddedRecords
  readonly stops: EmbeddedStops
  readonly #notices: ThreadNotices
  readonly #lease = new EmbeddedLease()
  /** Why the last write failed; `null`: it did not. */
  #refusal: string | null = null
  /** Until then writes fail at once, ms: each attempt on a full disk makes LMDB print lines. */
  #retryAt = 0

  private constructor (tables: Tables, release: () => Promise<void>, options: EmbeddedOptions) {
    super(tables)
    this.#release = release
    this.#dataDir = options.dataDir
    this.#fileIdentity = fileIdentity(options.dataDir)
    this.#limits = logLimits(options)
    this.#notices = new ThreadNotices(options.dataDir)
    this.trainingRuns = new EmbeddedTrainingRuns({
      reads: () => this.reads(),
      writeAndAppend: async (action, entries) => {
        await this.#write(() => {
          action(this.tables)
          append(this.tables, entries, Date.now(), this.#limits)
        })
        this.#notices.emit('appended')
      },
    })
    const write = <T>(action: () => T) => this.#write(action)
    this.stops = new EmbeddedStops({ reads: () => this.reads(), write, limits: { ...STOP_LIMITS, ...options.stops } })
    const events = { ...EVENT_LIMITS, ...options.events }
    this.events = new EmbeddedRecords({ rows: () => this.reads().eventRows, write, limits: events })
    const answers = { ...ANSWER_LIMITS, ...options.answers }
    this.answers = new EmbeddedRecords({ rows: () => this.reads().answerRows, write, limits: answers })
  }

  /** Throws if another process uses the folder, unless the store is a guest, or if another version has written to it. */
  static async open (options: EmbeddedOptions): Promise<EmbeddedStore> {
    const { dataDir, isGuest = false } = options
    if (isGuest) checkFile(dataDir)
    else {
      makeFolder(dataDir)
      await checkFolder(dataDir)
      checkDataFolder(dataDir)
    }
    const wasEmptied = !isGuest && isEmptied(dataDir)
    const root = openRoot(dataDir)
    let release = async () => {}
    try {
      checkLength(dataDir, lastPageOf(root))
      const tables = tablesIn(root)
      if (isGuest) {
        checkFormat(tables.getMeta('format'))
        return new EmbeddedStore(tables, release, options)
      }
      // LMDB's write lock makes processes that start at once take turns; the kernel releases it when a process dies.
      release = await root.transaction(() => takeFolder(dataDir))
      const store = new EmbeddedStore(tables, release, options)
      await store.#write(() => {
        checkFormat(tables.getMeta('format'))
        if (tables.getMeta('state_id') !== '') return
        tables.setMeta('format', STATE_FORMAT)
        tables.setMeta('state_id', randomUUID())
        tables.setMeta('salt', randomUUID())
        if (!wasEmptied) return
        tables.setMeta('loss', JSON.stringify({ kind: 'replaced', at: Date.now() }))
        append(tables, [{ type: 'policy', key: ROOT, policy: { mode: 'off' }, by: SERVICE, reason: EMPTIED }], Date.now(), store.#limits)
      })
      store.events.reload()
      store.answers.reload()
      return store
    } catch (error) {
      await root.close()
      await release()
      throw error
    }
  }

  isUp (): boolean { return this.#refusal === null && !this.isClosed }

  async warnings (): Promise<string[]> {
    return this.#refusal === null
      ? []
      : [`Outcomes get 503 and nothing is learned; decisions continue with the last snapshot. ${this.#isGone() ? 'Restore DATA_DIR and restart the service' : 'Make room on the disk of DATA_DIR, before any restart, which would fail'}: ${this.#refusal}`]
  }

  /** Also notices that the file is gone, and finds out whether there is room again, if a write failed. */
  override async revision (): Promise<Revision> {
    this.#refusal ??= this.#goneProblem()
    if (this.#refusal !== null) await this.#tryRoom().catch(() => {})
    return await super.revision()
  }

  async append (entries: readonly LogEntry[], ifPolicyVersion?: number): Promise<Appended[]> {
    const { appended, isMoved } = await this.#write(() => append(this.tables, entries, Date.now(), this.#limits, ifPolicyVersion))
    this.#notices.emit('appended')
    if (isMoved) this.#notices.emit('notice')
    return appended
  }

  async read (after: Cursor, limit: number, waitMs: number): Promise<StoredEntry[]> {
    const until = performance.now() + waitMs
    for (;;) {
      const entries = entriesAfter(this.reads(), after, limit)
      const leftMs = until - performance.now()
      if (entries.length > 0 || leftMs <= 0) return entries
      await this.#notices.appended(leftMs)
      if (this.isClosed) return []
      this.tables.root.resetReadTxn() // otherwise this turn could miss what another thread has appended, and wait again
    }
  }

  async acquireLease (holder: string, ttlMs: number): Promise<number | null> {
    return this.#write(() => {
      if (this.#lease.isHeldByOther(holder)) return null
      const token = this.tables.getMeta('token') + 1
      this.tables.setMeta('token', token)
      this.#lease.give(holder, token, ttlMs)
      return token
    })
  }

  async renewLease (token: number, ttlMs: number): Promise<boolean> {
    this.reads()
    return this.#isCurrent(token) && this.#lease.renew(token, ttlMs)
  }

  async noteLoss (loss: StoreLoss): Promise<void> {
    await this.#write(() => { if (this.tables.getMeta('loss') === '') this.tables.setMeta('loss', JSON.stringify(loss)) })
  }

  /** A folder has one process. */
  async announce (configuration: string): Promise<string[]> { return [configuration] }

  async releaseLease (token: number): Promise<void> {
    this.reads()
    this.#lease.release(token)
  }

  async commit (commit: Commit): Promise<void> {
    const contexts = await inTurns([...commit.contexts], ([key, state]) => [key, state && encodeState(state)] as const)
    const pending = await inTurns([...commit.pending], ([id, waiting]) => [id, waiting && encodePending(waiting)] as const)
    const cohorts = await inTurns([...commit.cohorts], ([key, cohort]) => [key, cohort && encodeCohort(cohort)] as const)
    const reservoir = await inTurns([...commit.reservoir], ([number, sample]) => [number, sample && encodeSample(sample)] as const)
    const traces = await inTurns([...commit.traces], ([name, trace]) => [name, encodeTrace(trace)] as const)
    const days = await Promise.all(commit.days.map(async (ended) => [ended.day, await encodeDay(ended)] as const))
    await this.#write(() => {
      if (!this.#isCurrent(commit.token)) throw new LeaseLostError(`Lease ${commit.token} has ended`)
      writeCommit(this.tables, commit, { contexts, pending, cohorts, reservoir, traces, days })
    })
    if (commit.decisive.length > 0) this.#notices.emit('notice')
  }

  onNotice (listener: (isRegained: boolean) => void): void {
    this.#notices.on('notice', () => {
      if (!this.isClosed) this.tables.root.resetReadTxn() // otherwise reads of this turn could miss the commit of another thread
      listener(false)
    })
  }

  async importRows (state: SortedState, replaces: boolean): Promise<void> {
    await this.#write(() => {
      importState(this.tables, state, replaces, randomUUID())
      this.tables.setMeta('token', this.tables.getMeta('token') + 1) // ends the leases of all threads
      this.#lease.end()
    })
    this.#notices.emit('appended')
    this.#notices.emit('notice')
  }

  async close (): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.#notices.close()
    await this.tables.root.close()
    await this.#release()
  }

  /** Also compares the stored token, since another thread may have given a later lease. */
  #isCurrent (token: number): boolean { return this.#lease.isCurrent(token) && this.tables.getMeta('token') === token }

  /** Writes something large, since a small write finds room on a full disk, too: in pages of the file that are free. */
  async #tryRoom (): Promise<void> {
    this.#retryAt = 0
    await this.#write(() => { this.tables.setMeta('room', ' '.repeat(ROOM)) })
    await this.#write(() => { this.tables.setMeta('room', '') })
  }

  #isGone (): boolean { return fileIdentity(this.#dataDir) !== this.#fileIdentity }

  /** What to say if the file was deleted or replaced: LMDB would go on writing to it, and all would be lost with this process. */
  #goneProblem (): string | null {
    return this.#isGone() ? `The data folder ${this.#dataDir} was deleted or replaced while the service was running` : null
  }

  /** Runs a write all or nothing; it is on disk when this resolves. */
  async #write<T> (action: () => T): Promise<T> {
    if (this.#refusal !== null && performance.now() < this.#retryAt) throw new StoreUnavailableError(this.#refusal)
    try {
      const problem = this.#goneProblem()
      if (problem !== null) throw new StoreUnavailableError(problem)
      const result = await transact(this.reads().root, action)
      this.#refusal = null
      return result
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        this.#refusal = error.message
        this.#retryAt = performance.now() + RETRY_MS
      }
      throw error
    }
  }
}
