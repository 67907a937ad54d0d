import type { Change } from '../core/fold.js'
import { trimLog } from './embedded-log.js'
import type { Tables } from './embedded-tables.js'
import { encodeChange, encodeLedger, HISTORY_LIMIT } from './encoding.js'
import { LeaseLostError, type Commit } from './store.js'

// All of this runs in a transaction of the caller's.

type Texts = ReadonlyArray<readonly [key: string, text: string | undefined]>

/** @param texts the states and pending outcomes, encoded; `undefined` deletes */
export function writeCommit (
  tables: Tables, { from, to, ledger, decisive, changes }: Commit, texts: { readonly contexts: Texts, readonly pending: Texts }
): void {
  if (tables.getMeta('cursor') !== from) throw new LeaseLostError(`The cursor is no longer at ${from}`)
  for (const [key, text] of texts.contexts) if (text === undefined) tables.contexts.removeSync(key); else tables.contexts.putSync(key, text)
  for (const [id, text] of texts.pending) {
    const key = Buffer.from(id)
    if (text === undefined) tables.pending.removeSync(key); else tables.pending.putSync(key, text)
  }
  if (ledger !== null) tables.setMeta('ledger', encodeLedger(ledger))
  if (decisive.length > 0) moveVersion(tables, decisive)
  addHistory(tables, changes)
  tables.setMeta('cursor', to)
  trimLog(tables, to)
}

/** Makes a new version, with which these keys changed. */
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

function addHistory ({ history, getMeta, setMeta }: Tables, changes: readonly Change[]): void {
  let number = getMeta('history')
  for (const change of changes) history.putSync(++number, encodeChange(change))
  setMeta('history', number)
  for (const old of [...history.getKeys({ end: number - HISTORY_LIMIT + 1 })]) history.removeSync(old)
}
