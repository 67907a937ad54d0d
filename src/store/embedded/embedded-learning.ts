import type { Database, Key } from 'lmdb'
import { SAVINGS_DAYS } from '../../core/stats/index.js'
import { HISTORY_LIMIT } from '../log.js'
import { encodeFollowUp, encodeLedger, traceNames } from '../encoding/stored-values.js'
import type { Commit } from '../learner-store.js'
import { LeaseLostError } from '../store-errors.js'
import { addRows, moveVersion, trimLog } from './embedded-log.js'
import type { Tables } from './embedded-tables.js'

// All of this runs in a transaction of the caller's.

type Texts<K = string> = ReadonlyArray<readonly [key: K, text: string | undefined]>

/** The encoded rows of a commit; `undefined` deletes. */
interface CommitTexts {
  readonly contexts: Texts
  readonly pending: Texts
  readonly cohorts: Texts
  readonly reservoir: Texts<number>
  readonly traces: Texts
  readonly days: Texts<number>
}

export function writeCommit (tables: Tables, { from, to, follow_up, ledger, decisive, changes }: Commit, texts: CommitTexts): void {
  if (tables.getMeta('cursor') !== from) throw new LeaseLostError(`The cursor is no longer at ${from}`)
  writeRows(tables.contexts, texts.contexts)
  writeRows(tables.pending, texts.pending.map(([id, text]) => [Buffer.from(id), text] as const))
  writeRows(tables.cohorts, texts.cohorts)
  writeRows(tables.reservoir, texts.reservoir)
  writeRows(tables.traces, texts.traces)
  for (const [key, text] of texts.contexts) if (text === undefined) removeTraces(tables, key)
  tables.setMeta('follow_up', encodeFollowUp(follow_up))
  if (ledger !== null) tables.setMeta('ledger', encodeLedger(ledger))
  if (decisive.length > 0) moveVersion(tables, decisive)
  addRows(tables, 'history', changes.map((change) => JSON.stringify({ ...change, version: tables.getMeta('version') })), HISTORY_LIMIT)
  for (const [day, text] of texts.days) addDay(tables, day, text!)
  tables.setMeta('cursor', to)
  trimLog(tables, to)
}

/** Adds a day of savings unless it is there, and removes those that are too old. */
function addDay ({ savings }: Tables, day: number, text: string): void {
  if (!savings.doesExist(day)) savings.putSync(day, text)
  for (const old of [...savings.getKeys({ end: day - SAVINGS_DAYS + 1 })]) savings.removeSync(old)
}

/** Removes the traces of a context that is gone. */
function removeTraces ({ traces }: Tables, key: string): void {
  const names = new Set(traceNames(key))
  for (const name of [...traces.getKeys({ start: `${key} `, end: `${key}!` })]) if (names.has(name)) traces.removeSync(name)
}

function writeRows<K extends Key> (table: Database<string, K>, rows: Texts<K>): void {
  for (const [key, text] of rows) if (text === undefined) table.removeSync(key); else table.putSync(key, text)
}

/** The learner's lease. It is in memory, since every possible holder ends with the process that holds the folder. */
export class EmbeddedLease {
  #current: { readonly token: number, readonly holder: string, readonly until: number } | null = null

  isHeldByOther (holder: string): boolean {
    return this.#current !== null && this.#current.holder !== holder && this.isCurrent(this.#current.token)
  }

  /** Whether the token is that of the newest lease, and the lease still runs. */
  isCurrent (token: number): boolean {
    return this.#current !== null && this.#current.token === token && performance.now() < this.#current.until
  }

  /** @param token higher than all earlier tokens */
  give (holder: string, token: number, ttlMs: number): void {
    this.#current = { token, holder, until: performance.now() + ttlMs }
  }

  renew (token: number, ttlMs: number): boolean {
    if (!this.isCurrent(token)) return false
    this.give(this.#current!.holder, token, ttlMs)
    return true
  }

  /** Ends the lease, regardless of its holder. */
  end (): void { this.#current = null }

  release (token: number): void {
    if (this.isCurrent(token)) this.#current = null
  }
}
