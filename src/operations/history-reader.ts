import type { UnreadableChange } from '../core/learn/fold.js'
import type { ReportCorruption } from '../logging/report-corruption.js'
import type { HistoryRow, Store } from '../store/store.js'

/** The newest changes of thresholds, newest first. */
export type ReadHistory = (limit: number) => Promise<HistoryRow[]>

/** Reads the history, and tells of each row of it that is damaged, once. */
export function createHistory (store: Pick<Store, 'history'>, tellDamage: ReportCorruption): ReadHistory {
  const told = new Set<string>()
  return async (limit) => {
    const changes = await store.history(limit)
    const ids = changes.filter(isUnreadableChange).map(({ id }) => id).filter((id) => !told.has(id))
    for (const id of ids) told.add(id)
    tellDamage('history', ids.length, { ids: ids.slice(0, 20) })
    return changes
  }
}

export function isUnreadableChange (change: HistoryRow): change is UnreadableChange & HistoryRow { return change.cause === 'unreadable' }
