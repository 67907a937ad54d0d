/**
 * The format of a state, in a file or in a store. Raise it when this version would misread older states, or when an earlier
 * version would misread new ones. No other format is read.
 */
export const STATE_FORMAT = 19

/** A newer version has written to the store. This version would misread the data and lose unknown parts. */
export class NewerFormatError extends Error {
  override name = 'NewerFormatError'
  constructor (format: number) {
    super(`a newer version of stopgate has written to this store (format ${format}; this version reads only format ${STATE_FORMAT}): run the newer version`)
  }
}

/** An older version has written to the store. This version would misread the data. */
class OlderFormatError extends Error {
  override name = 'OlderFormatError'
  constructor (format: number, readable: number) {
    super(`an older version of stopgate has written to this store (format ${format}; this version reads only format ${readable}): run the older version, or start with an empty store, which learns everything again`)
  }
}

/**
 * @param format 0: nothing was written yet
 * @param readable the only format that is read
 * @throws NewerFormatError, OlderFormatError
 */
export function checkFormat (format: number, readable = STATE_FORMAT): void {
  if (format > readable) throw new NewerFormatError(format)
  if (format > 0 && format < readable) throw new OlderFormatError(format, readable)
}

/** The error for a script's reply `NEWER <format>`. */
export function newerFormat (reply: string): NewerFormatError { return new NewerFormatError(Number(reply.split(' ')[1])) }

/** The tables of a state, the same for both kinds of store. Rows of `log`, `history` and `audit` are in order, oldest first. */
export const STATE_TABLES = [
  'meta', 'contexts', 'pending', 'cohorts', 'policies', 'pins', 'predictors', 'reservoir', 'traces', 'changed', 'log', 'history', 'audit', 'seen',
  'training_runs', 'training_series', 'savings',
] as const

export type StateTable = typeof STATE_TABLES[number]

/** A row of a state. The value is JSON; the meaning of the key depends on the table. */
export interface StateRow {
  readonly table: StateTable
  readonly key: string
  readonly value: unknown
  /** Why the value cannot be read. `value` is then the damaged value or its text, to be imported as it is; or absent, to be left out. */
  readonly damaged?: string
}

/** The single values, which are the rows of `meta`. */
interface StateMeta {
  readonly salt: string
  readonly version: number
  readonly policy_version: number
  readonly cursor: string
  /** Id of the newest log entry, even if it has been applied: ids never go back. */
  readonly last_id: string
  /** As `encodeLedger` writes it; null: nothing was learned yet. */
  readonly ledger: unknown
  /** The follow-up clock and the accepted lists; null: nothing was learned yet. */
  readonly follow_up: unknown
}

export interface SortedState { readonly meta: StateMeta, readonly rows: Readonly<Record<StateTable, readonly StateRow[]>> }

/** Sorts rows by table. @throws Error if a single value is missing */
export function sortRows (rows: readonly StateRow[]): SortedState {
  const sorted = Object.fromEntries(STATE_TABLES.map((table) => [table, [] as StateRow[]])) as Record<StateTable, StateRow[]>
  for (const row of rows) sorted[row.table].push(row)
  const meta = Object.fromEntries(sorted.meta.map(({ key, value }) => [key, value])) as unknown as StateMeta // its fields are checked next
  for (const name of ['salt', 'version', 'policy_version', 'cursor', 'last_id', 'ledger', 'follow_up'] as const) {
    if (meta[name] === undefined) throw new Error(`it has no ${name}`)
  }
  return { meta, rows: sorted }
}

export function metaRows (meta: Partial<StateMeta>): StateRow[] {
  return Object.entries(meta).map(([key, value]) => ({ table: 'meta', key, value }))
}
