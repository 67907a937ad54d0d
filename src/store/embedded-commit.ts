import type { Database, Key } from 'lmdb'
import { trimLog } from './embedded-log.js'
import type { Tables } from './embedded-tables.js'
import { encodeFollowUp, encodeLedger, HISTORY_LIMIT } from './encoding.js'
import type { Commit } from './store.js'
import { LeaseLostError } from './store-errors.js'

// All of this runs in a transaction of the caller's.

type Texts<K = string> = ReadonlyArray<readonly [key: K, text: string | undefined]>

/** The encoded rows of a commit; `undefined` deletes. */
export interface CommitTexts {
  readonly contexts: Texts
  readonly pending: Texts
  readonly cohorts: Texts
  readonly reservoir: Texts<number>
  readonly traces: Texts
}

export function writeCommit (tables: Tables, { from, to, follow_up, ledger, decisive, changes }: Commit, texts: CommitTexts): void {
  if (tables.getMeta('cursor') !== from) throw new LeaseLostError(`The cursor is no longer at ${from}`)
  writeRows(tables.contexts, texts.contexts)
  writeRows(tables.pending, texts.pending.map(([id, text]) => [Buffer.from(id), text] as const))
  writeRows(tables.cohorts, texts.cohorts)
  writeRows(tables.reservoir, texts.reservoir)
  writeRows(tables.traces, texts.traces)
  tables.setMeta('follow_up', encodeFollowUp(follow_up))
  if (ledger !== null) tables.setMeta('ledger', encodeLedger(ledger))
  if (decisive.length > 0) moveVersion(tables, decisive)
  addRows(tables, 'history', changes.map((change) => JSON.stringify({ ...change, version: tables.getMeta('version') })), HISTORY_LIMIT)
  tables.setMeta('cursor', to)
  trimLog(tables, to)
}

function writeRows<K extends Key> (table: Database<string, K>, rows: Texts<K>): void {
  for (const [key, text] of rows) if (text === undefined) table.removeSync(key); else table.putSync(key, text)
}

/** Makes a new version and notes that these keys changed with it. */
export function moveVersion ({ changed, changedAt, getMeta, setMeta }: Tables, keys: readonly string[]): number {
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

/** Adds numbered rows to a table that keeps only its newest rows. */
export function addRows (tables: Tables, name: 'history' | 'audit', texts: readonly string[], limit: number): void {
  let number = tables.getMeta(name)
  for (const text of texts) tables[name].putSync(++number, text)
  tables.setMeta(name, number)
  for (const old of [...tables[name].getKeys({ end: number - limit + 1 })]) tables[name].removeSync(old)
}
