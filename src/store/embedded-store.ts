import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { mkdirSync } from 'node:fs'
import type { ContextState } from '../core/context-state.js'
import type { Change } from '../core/fold.js'
import type { Pin } from '../core/in-force.js'
import type { LogEntry } from '../core/log-entry.js'
import type { PolicyPatch } from '../core/policy.js'
import { appendEntries, entriesAfter, logLag, trimLog } from './embedded-log.js'
import { openTables, type Tables } from './embedded-tables.js'
import {
  decodeChange, decodeLedger, decodePin, decodePolicy, decodeState, encodeChange, encodeLedger, encodeState, HISTORY_LIMIT,
} from './encoding.js'
import { checkFolder, takeFolder } from './folder-lock.js'
import {
  LeaseLostError, StoreUnavailableError, type Commit, type Cursor, type Learned, type Revision, type Store, type StoredEntry,
} from './store.js'

export interface EmbeddedOptions {
  /** Folder of the data, made if absent; one process at a time. */
  readonly dataDir: string
  /** How long a generation id is remembered, s. */
  readonly dedupSeconds: number
  /** The clock, ms. */
  readonly now?: () => number
}

interface Lease { readonly token: number, readonly holder: string, readonly until: number }

/** A store in a folder, for one process: LMDB, whose write transactions run one at a time and are on disk when they resolve. */
export class EmbeddedStore implements Store {
  readonly kind = 'embedded'
  readonly #tables: Tables
  readonly #release: () => Promise<void>
  readonly #now: () => number
  readonly #dedupMs: number
  readonly #events = new EventEmitter().setMaxListeners(0)
  // In memory: all who could hold a lease on this folder end with the process.
  #lease: Lease | null = null
  #isUp = true
  #isClosed = false

  private constructor (tables: Tables, release: () => Promise<void>, { dedupSeconds, now = Date.now }: EmbeddedOptions) {
    this.#tables = tables
    this.#release = release
    this.#now = now
    this.#dedupMs = dedupSeconds * 1000
  }

  /** Throws when another process uses the folder. */
  static async open (options: EmbeddedOptions): Promise<EmbeddedStore> {
    const { dataDir } = options
    mkdirSync(dataDir, { recursive: true })
    await checkFolder(dataDir)
    const tables = openTables(dataDir)
    try {
      // LMDB's write lock, which the kernel takes back from the dead, makes processes that start at once take turns.
      const release = await tables.root.transaction(() => takeFolder(dataDir))
      const store = new EmbeddedStore(tables, release, options)
      await store.#write(() => {
        if (tables.getMeta('state_id') !== '') return
        tables.setMeta('state_id', randomUUID())
        tables.setMeta('salt', randomUUID())
      })
      return store
    } catch (error) {
      await tables.root.close()
      throw error
    }
  }

  isUp (): boolean { return this.#isUp }
  async warnings (): Promise<string[]> { return [] }

  async append (entries: readonly LogEntry[]): Promise<boolean[]> {
    const tables = this.#tables
    const { accepted, written } = await this.#write(() => {
      const result = appendEntries(tables, entries, this.#now(), this.#dedupMs)
      if (result.written.length > 0) tables.setMeta('policy_version', this.#moveVersion(result.written))
      return result
    })
    this.#events.emit('appended')
    if (written.length > 0) this.#events.emit('notice')
    return accepted
  }

  async read (after: Cursor, limit: number, waitMs: number): Promise<StoredEntry[]> {
    const until = performance.now() + waitMs
    for (;;) {
      const entries = entriesAfter(this.#reads(), after, limit)
      const leftMs = until - performance.now()
      if (entries.length > 0 || leftMs <= 0) return entries
      await this.#appended(leftMs)
      if (this.#isClosed) return []
    }
  }

  async acquireLease (holder: string, ttlMs: number): Promise<number | null> {
    return this.#write(() => {
      if (this.#lease !== null && this.#lease.holder !== holder && this.#isCurrent(this.#lease.token)) return null
      const token = this.#tables.getMeta('token') + 1
      this.#tables.setMeta('token', token)
      this.#lease = { token, holder, until: performance.now() + ttlMs }
      return token
    })
  }

  async renewLease (token: number, ttlMs: number): Promise<boolean> {
    this.#reads()
    if (!this.#isCurrent(token)) return false
    this.#lease = { ...this.#lease!, until: performance.now() + ttlMs }
    return true
  }

  async releaseLease (token: number): Promise<void> {
    this.#reads()
    if (this.#isCurrent(token)) this.#lease = null
  }

  async learned (): Promise<Learned> {
    const { contexts, getMeta } = this.#reads()
    const ledger = getMeta('ledger')
    return {
      cursor: getMeta('cursor'),
      ledger: ledger === null ? null : decodeLedger(ledger),
      contexts: new Map(contexts.getRange().map(({ key, value }) => [key, decodeState(value)])),
    }
  }

  async commit ({ token, from, to, contexts, ledger, decisive, changes }: Commit): Promise<void> {
    const tables = this.#tables
    await this.#write(() => {
      if (!this.#isCurrent(token)) throw new LeaseLostError(`Lease ${token} has ended`)
      if (tables.getMeta('cursor') !== from) throw new LeaseLostError(`The cursor is no longer at ${from}`)
      for (const [key, state] of contexts) {
        if (state === undefined) tables.contexts.removeSync(key); else tables.contexts.putSync(key, encodeState(state))
      }
      if (ledger !== null) tables.setMeta('ledger', encodeLedger(ledger))
      if (decisive.length > 0) this.#moveVersion(decisive)
      addHistory(tables, changes)
      tables.setMeta('cursor', to)
      trimLog(tables, to)
    })
    if (decisive.length > 0) this.#events.emit('notice')
  }

  async revision (): Promise<Revision> {
    const tables = this.#reads()
    return {
      stateId: tables.getMeta('state_id'),
      salt: tables.getMeta('salt'),
      version: tables.getMeta('version'),
      policyVersion: tables.getMeta('policy_version'),
      ...logLag(tables, this.#now()),
    }
  }

  onNotice (listener: () => void): void { this.#events.on('notice', listener) }

  async changedSince (version: number): Promise<string[]> {
    return [...this.#reads().changedAt.getKeys({ start: [version + 1, ''] }).map(([, key]) => key)]
  }

  async contextKeys (): Promise<string[]> { return [...this.#reads().contexts.getKeys()] }

  async readContexts (keys: readonly string[]): Promise<Map<string, ContextState>> {
    const { contexts } = this.#reads()
    const texts = keys.map((key) => [key, contexts.get(key)] as const)
    return new Map(texts.flatMap(([key, text]) => text === undefined ? [] : [[key, decodeState(text)]]))
  }

  async policies (): Promise<Map<string, PolicyPatch>> {
    return new Map(this.#reads().policies.getRange().map(({ key, value }) => [key, decodePolicy(value)]))
  }

  async pins (): Promise<Map<string, Pin>> {
    return new Map(this.#reads().pins.getRange().map(({ key, value }) => [key, decodePin(value)]))
  }

  async history (limit: number): Promise<Change[]> {
    return [...this.#reads().history.getRange({ reverse: true, limit }).map(({ value }) => decodeChange(value))]
  }

  async close (): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isUp = false
    this.#events.emit('appended') // wakes a read that waits
    await this.#tables.root.close()
    await this.#release()
  }

  #reads (): Tables {
    if (this.#isClosed) throw new StoreUnavailableError('The store is closed')
    return this.#tables
  }

  /** All or nothing, on disk when it resolves. */
  async #write<T> (action: () => T): Promise<T> {
    try {
      const result = await this.#reads().root.childTransaction(action)
      this.#isUp = true
      return result
    } catch (error) {
      const { code, commitError } = error as { code?: unknown, commitError?: Promise<never> }
      if (typeof code !== 'number' && commitError === undefined) throw error // not LMDB's
      this.#isUp = false
      const cause = await commitError?.catch((reason: Error) => reason) ?? error as Error
      throw new StoreUnavailableError(`Can't write to the data folder (is its disk full?): ${cause.message}`, { cause })
    }
  }

  /** In a transaction of the caller's. */
  #moveVersion (keys: readonly string[]): number {
    const { changed, changedAt, getMeta, setMeta } = this.#tables
    const version = getMeta('version') + 1
    setMeta('version', version)
    for (const key of keys) {
      const before = changed.get(key)
      if (before !== undefined) changedAt.removeSync([before, key])
      changed.putSync(key, version)
      changedAt.putSync([version, key], true)
    }
    return version
  }

  #isCurrent (token: number): boolean {
    return this.#lease !== null && this.#lease.token === token && performance.now() < this.#lease.until
  }

  #appended (withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#events.off('appended', done)
        resolve()
      }
      const timer = setTimeout(done, withinMs)
      this.#events.on('appended', done)
    })
  }
}

function addHistory (tables: Tables, changes: readonly Change[]): void {
  let number = tables.getMeta('history')
  for (const change of changes) tables.history.putSync(++number, encodeChange(change))
  tables.setMeta('history', number)
  for (const old of [...tables.history.getKeys({ end: number - HISTORY_LIMIT + 1 })]) tables.history.removeSync(old)
}
