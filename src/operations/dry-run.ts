/** Most rows that a dry run lists. */
const SHOWN = 200

interface Row {
  readonly key: string
  readonly before: number | null
  readonly after: number | null
  readonly mode_before?: string
  readonly mode_after?: string
  readonly new_epoch?: boolean
}

/** What a command would do. */
export interface DryRun<R> {
  /** The contexts that change first, then by key; at most 200. */
  readonly contexts: R[]
  readonly total: number
  readonly changing: number
}

export function dryRun<R extends Row> (rows: readonly R[]): DryRun<R> {
  const changes = (row: R) => row.before !== row.after || row.mode_before !== row.mode_after || row.new_epoch === true
  const sorted = [...rows].sort((a, b) => Number(changes(b)) - Number(changes(a)) || (a.key < b.key ? -1 : 1))
  return { contexts: sorted.slice(0, SHOWN), total: rows.length, changing: rows.filter(changes).length }
}
