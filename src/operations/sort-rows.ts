import type { Status } from '../core/views/describe-context.js'
import type { ContextRow, RowOrder } from '../core/views/describe-row.js'

const STATUS_ORDER: Readonly<Record<Status, number>> = { drifted: 0, learning: 1, certified: 2 }

/** Rows by a figure. Those without a value come last in either direction; of equal rows the key decides. */
export function sortContextRows (rows: readonly ContextRow[], sort: RowOrder, descending: boolean): ContextRow[] {
  const sign = descending ? -1 : 1
  const valueOf = (row: ContextRow) => sort === 'status' ? STATUS_ORDER[row.status] : row[sort]
  return [...rows].sort((a, b) => compare(valueOf(a), valueOf(b), sign) || (a.key < b.key ? -1 : 1))
}

function compare (a: string | number | null, b: string | number | null, sign: number): number {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? 1 : -1
  return a < b ? -sign : sign
}
