/** The tables of a whole state, the same whichever store it is in. In `log`, `history` and `audit` rows are in order, oldest first. */
export const STATE_TABLES = [
  'meta', 'contexts', 'pending', 'policies', 'pins', 'predictors', 'reservoir', 'changed', 'log', 'history', 'audit', 'seen',
  'training_runs', 'training_series',
] as const

export type StateTable = typeof STATE_TABLES[number]

/** One thing in a state; the value is JSON. What a key is, and whether there is one, is the table's matter. */
export interface StateRow {
  readonly table: StateTable
  readonly key: string
  readonly value: unknown
  /** Why what it is kept as can't be read. The value is then that, or its text, as damaged once imported; or absent, to be left out. */
  readonly damaged?: string
}

/** The single values, rows of `meta`. */
export interface StateMeta {
  readonly salt: string
  readonly version: number
  readonly policy_version: number
  readonly cursor: string
  /** Of the newest log entry, folded or not: ids never go back. */
  readonly last_id: string
  /** As src/store/encoding.ts has it; null: nothing was folded yet. */
  readonly ledger: unknown
}

export interface SortedState { readonly meta: StateMeta, readonly rows: Readonly<Record<StateTable, readonly StateRow[]>> }

/** The rows by their table. @throws Error where they are no whole state */
export function sortRows (rows: readonly StateRow[]): SortedState {
  const sorted = Object.fromEntries(STATE_TABLES.map((table) => [table, [] as StateRow[]])) as Record<StateTable, StateRow[]>
  for (const row of rows) sorted[row.table].push(row)
  const meta = Object.fromEntries(sorted.meta.map(({ key, value }) => [key, value])) as unknown as StateMeta
  for (const name of ['salt', 'version', 'policy_version', 'cursor', 'last_id', 'ledger'] as const) {
    if (meta[name] === undefined) throw new Error(`it has no ${name}`)
  }
  return { meta, rows: sorted }
}

export function metaRows (meta: Partial<StateMeta>): StateRow[] {
  return Object.entries(meta).map(([key, value]) => ({ table: 'meta', key, value }))
}
