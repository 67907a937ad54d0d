import { isWithin, ROOT } from '../core/policy/context.js'
import { HISTORY_LIMIT } from '../store/encoding.js'
import type { HistoryRow } from '../store/store.js'
import type { ReadHistory } from './history-reader.js'

/** The latest changes of a context and those below it, newest first. For the root these are all, unreadable ones included. */
export async function historyWithin (readHistory: ReadHistory, prefix: string, limit: number): Promise<HistoryRow[]> {
  if (prefix === ROOT) return await readHistory(limit)
  return (await readHistory(HISTORY_LIMIT)).filter(({ key }) => key !== null && isWithin(key, prefix)).slice(0, limit)
}
