import type { UnreadableChange } from '../core/learn/threshold-change.js'
import type { ReportCorruption } from '../logging/report-corruption.js'
import type { HistoryRow, Store } from '../store/store.js'

/** Reads the latest changes of thresholds, newest first. */
export type ReadHistory = (limit: number) => Promise<HistoryRow[]>

/** Returns a reader of the history that reports each damaged row once. */
export function createHistory (store: Pick<Store, 'history'>, report: ReportCorruption): ReadHistory {
  const reported = new Set<string>()
  return async (limit) => {
    const changes = await store.history(limit)
    const ids = changes.filter(isUnreadableChange).map(({ id }) => id).filter((id) => !reported.has(id))
    for (const id of ids) reported.add(id)
    report('history', ids.length, { ids: ids.slice(0, 20) })
    return changes
  }
}

export function isUnreadableChange (change: HistoryRow): change is UnreadableChange & HistoryRow { return change.cause === 'unreadable' }
