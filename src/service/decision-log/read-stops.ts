import { isoTime } from '../../../openapi/wire.js'
import { isWithin, ROOT } from '../../core/policy/index.js'
import type { Store } from '../../store/store.js'
import { allowedPrefix, type Caller, ownId, sentId } from '../access/context-access.js'
import type { StopLog } from './stop-log.js'
import { DecidedStops, type Place, rowsBefore } from './stop-pages.js'
import type { StopRow } from './stop-rows.js'

interface ReadServices {
  readonly store: Pick<Store, 'stops'>
  readonly stopLog: Pick<StopLog, 'flush'>
}

interface StopsQuery {
  readonly prefix?: string
  readonly generation_id?: string
  readonly limit?: number
  /** The `next` of the page before. */
  readonly before?: string
}

/**
 * Reads stops, newest first. A search ends after 2,048 chunks; `next` then goes on from there.
 * @throws ForbiddenError, StoreUnavailableError
 */
export async function readStops ({ store, stopLog }: ReadServices, query: StopsQuery, caller: Caller) {
  const prefix = allowedPrefix(caller, query.prefix)
  const { limit = 50, generation_id: wanted } = query
  const isFound = ({ id, context }: StopRow): boolean => {
    const isOwn = caller.tokenPrefix === null || ownId(caller, id) !== null
    return isOwn && (prefix === ROOT || isWithin(context, prefix)) && (wanted === undefined || sentId(id) === wanted)
  }
  await stopLog.flush()
  const place: Place = { next: query.before ?? null }
  const decided = new DecidedStops(store.stops, place)
  const found: StopRow[] = []
  for await (const row of rowsBefore(store.stops, place)) {
    if (isFound(row) && !await decided.has(row)) found.push(row)
    if (found.length === limit) break
  }
  return { stops: found.map(viewOf), next: place.next }
}

function viewOf ({ at, id, context, source, tokens, isReported, score, scorer, threshold, version }: StopRow) {
  return {
    at: isoTime(at),
    generation_id: sentId(id),
    context,
    tokens,
    score,
    scorer,
    threshold,
    threshold_context: source,
    snapshot_version: version,
    decided_by: isReported ? 'worker' as const : 'service' as const,
  }
}
