import type { Transaction } from 'lmdb'
import type { TrainingRun } from '../../core/training/index.js'
import type { Seen } from '../encoding/log-rows.js'
import { readRow } from '../encoding/state-file.js'
import { toCursor, toPlace } from '../log.js'
import { metaRows, type SortedState, type StateRow, type StateTable } from '../state-format.js'
import { decodeRun, encodeRun } from '../encoding/stored-values.js'
import { StoreTakenError } from '../store-errors.js'
import type { MetaName, Tables } from './embedded-tables.js'

/** Everything but leases, the decision log and kept answers, as of the moment of a transaction. */
export function * exportState (tables: Tables, transaction: Transaction): Iterable<StateRow> {
  const getMeta = <K extends MetaName>(name: K) => tables.getMeta(name, transaction)
  const ledger = getMeta('ledger')
  yield * metaRows({
    salt: getMeta('salt'),
    version: getMeta('version'),
    policy_version: getMeta('policy_version'),
    cursor: getMeta('cursor'),
    last_id: toCursor(getMeta('last_place')),
  })
  yield readRow('meta', 'ledger', ledger ?? 'null')
  yield readRow('meta', 'follow_up', getMeta('follow_up') ?? 'null')
  for (const [table, { rows, parse }] of textTables(tables)) {
    for (const { key, value } of rows.getRange({ transaction })) yield readRow(table, String(key), value, parse)
  }
  for (const { key, value } of tables.log.getRange({ transaction })) yield readRow('log', toCursor(key), value)
  for (const { key, value } of tables.changed.getRange({ transaction })) yield { table: 'changed', key, value }
  for (const { key, value } of tables.seen.getRange({ transaction })) yield { table: 'seen', key: key.toString(), value }
}

interface TextTable {
  readonly rows: { getRange: (options: { transaction: Transaction }) => Iterable<{ key: unknown, value: string }> }
  /** JSON if absent. */
  readonly parse?: (text: string) => unknown
}

function textTables (tables: Tables): Array<[StateTable, TextTable]> {
  const { contexts, pending, cohorts, policies, pins, predictors, reservoir, traces, history, audit } = tables
  const { trainingRuns, trainingSeries, savings } = tables
  return [
    ['contexts', { rows: contexts }], ['pending', { rows: pending }], ['cohorts', { rows: cohorts }], ['policies', { rows: policies }],
    ['pins', { rows: pins }], ['predictors', { rows: predictors }], ['reservoir', { rows: reservoir }], ['traces', { rows: traces }],
    ['history', { rows: history }], ['audit', { rows: audit }],
    ['training_runs', { rows: trainingRuns, parse: decodeRun }], ['training_series', { rows: trainingSeries }], ['savings', { rows: savings, parse: String }],
  ]
}

/**
 * Replaces the state, in a transaction of the caller's.
 * @throws StoreTakenError if there is a state and `replaces` is false
 */
export function importState (tables: Tables, { meta, rows }: SortedState, replaces: boolean, stateId: string): void {
  const { setMeta, log, seen, seenAt, contexts, pending, cohorts, policies, pins, changed, changedAt, history, audit } = tables
  const { predictors, reservoir, traces, trainingRuns, trainingSeries, savings } = tables
  const telling = [log, contexts, pending, cohorts, policies, pins, predictors, reservoir, traces, trainingRuns]
  const isTaken = telling.some((table) => [...table.getKeys({ limit: 1 })].length > 0)
  if (isTaken && !replaces) throw new StoreTakenError()
  const all = [...telling, seen, seenAt, changed, changedAt, history, audit, trainingSeries, savings]
  for (const table of all) table.clearSync()

  const put = (table: StateTable, write: (key: string, text: string, number: number) => void) => {
    for (const [i, { key, value }] of rows[table].entries()) write(key, JSON.stringify(value), i + 1)
  }
  for (const [table, target] of [['contexts', contexts], ['cohorts', cohorts], ['policies', policies], ['pins', pins], ['predictors', predictors], ['traces', traces]] as const) {
    put(table, (key, text) => { target.putSync(key, text) })
  }
  put('reservoir', (key, text) => { reservoir.putSync(Number(key), text) })
  put('pending', (key, text) => { pending.putSync(Buffer.from(key), text) })
  put('training_series', (key, text) => { trainingSeries.putSync(Buffer.from(key), text) })
  for (const { key, value } of rows.savings) savings.putSync(Number(key), String(value))
  for (const { key, value } of rows.training_runs) trainingRuns.putSync(Buffer.from(key), encodeRun(value as TrainingRun))
  put('log', (key, text) => { log.putSync(toPlace(key), text) })
  put('history', (_key, text, number) => { history.putSync(number, text) })
  put('audit', (_key, text, number) => { audit.putSync(number, text) })
  for (const { key, value } of rows.changed) {
    changed.putSync(key, value as number)
    changedAt.putSync([value as number, key], true)
  }
  for (const [i, { key, value }] of rows.seen.entries()) {
    seen.putSync(Buffer.from(key), value as Seen)
    seenAt.putSync([(value as Seen)[0], i], key)
  }

  setMeta('state_id', stateId)
  setMeta('salt', meta.salt)
  setMeta('version', meta.version)
  setMeta('policy_version', meta.policy_version)
  setMeta('cursor', meta.cursor)
  setMeta('last_place', toPlace(meta.last_id))
  setMeta('ledger', meta.ledger === null ? null : JSON.stringify(meta.ledger))
  setMeta('follow_up', meta.follow_up === null ? null : JSON.stringify(meta.follow_up))
  setMeta('history', rows.history.length)
  setMeta('audit', rows.audit.length)
}
