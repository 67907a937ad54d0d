import { trimLog } from './embedded-log.js'
import type { Tables } from './embedded-tables.js'
import { encodeLedger, HISTORY_LIMIT } from './encoding.js'
import type { Commit } from './store.js'
import { LeaseLostError } from './store-errors.js'

// All of this runs in a transaction of the caller's.

type Texts<K = string> = ReadonlyArray<readonly [key: K, text: string | undefined]>

/** The encoded rows of a commit; `undefined` deletes. */
export interface CommitTexts { readonly contexts: Texts, readonly pending: Texts, readonly reservoir: Texts<number> }

export function writeCommit (tables: Tables, { from, to, ledger, decisive, changes }: Commit, texts: CommitTexts): void {
  if (tables.getMeta('cursor') !== from) throw new LeaseLostError(`The cursor is no longer at ${from}`)
  for (const [key, text] of texts.contexts) if (text === undefined) tables.contexts.removeSync(key); else tables.contexts.putSync(key, text)
  for (const [id, text] of texts.pending) {
    const key = Buffer.from(id)
    if (text === undefined) tables.pending.removeSync(key); else tables.pending.putSync(key, text)
  }
  for (const [number, text] of texts.reservoir) {
    if (text === undefined) tables.reservoir.removeSync(number); else tables.reservoir.putSync(number, text)
  }
  if (ledger !== null) tables.setMeta('ledger', encodeLedger(ledger))
  if (decisive.length > 0) moveVersion(tables, decisive)
  addRows(tables, 'history', changes.map((change) => JSON.stringify({ ...change, version: tables.getMeta('version') })), HISTORY_LIMIT)
  tables.setMeta('cursor', to)
  trimLog(tables, to)
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
