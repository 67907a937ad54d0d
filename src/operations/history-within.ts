import { isWithin, ROOT } from '../core/policy/context.js'
import { HISTORY_LIMIT } from '../store/log.js'
import type { HistoryRow } from '../store/store.js'
import type { ReadHistory } from './history-reader.js'

/** `next` is to be passed as `before` for the next page; `null`: this is the last one. */
export interface HistoryPage { readonly changes: HistoryRow[], readonly next: string | null }

/**
 * A page of the changes of a context and those below it, newest first. For the root these are all, unreadable ones included.
 * @param before id of a row, after which the page begins; the page is empty where the row is no longer kept
 */
export async function historyWithin (readHistory: ReadHistory, prefix: string, limit: number, before?: string): Promise<HistoryPage> {
  const rows = await readHistory(prefix === ROOT && before === undefined ? limit + 1 : HISTORY_LIMIT)
  const place = before === undefined ? -1 : rows.findIndex(({ id }) => id === before)
  const older = before !== undefined && place === -1 ? [] : rows.slice(place + 1)
  const found = prefix === ROOT ? older : older.filter(({ key }) => key !== null && isWithin(key, prefix))
  const changes = found.slice(0, limit)
  return { changes, next: found.length > limit ? changes.at(-1)!.id : null }
}
