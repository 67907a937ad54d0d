import { isoTime } from '../../../openapi/wire.js'
import { isWithin, ROOT } from '../../core/policy/context.js'
import type { Store } from '../../store/store.js'
import { allowedPrefix, type Caller, ownId, sentId } from '../access/context-access.js'
import type { StopLog } from './stop-log.js'
import { decodeStops, type StopRow } from './stop-rows.js'

interface ReadServices {
  readonly store: Pick<Store, 'stops'>
  readonly stopLog: Pick<StopLog, 'flush'>
}

interface StopsQuery {
  readonly prefix?: string
  readonly generation_id?: string
  readonly limit?: number
  /** `<id of a chunk>:<rows of it that are left>`; of another kind of store it finds nothing. */
  readonly before?: string
}

/** Chunks that are read at once, and in one request. A chunk holds the stops of some seconds, at most 4,096. */
const BATCH = 16
const SEARCHED = 2048

/**
 * Reads stops, newest first. A search ends after 2,048 chunks; `next` then goes on from there.
 * @throws ForbiddenError, StoreUnavailableError
 */
export async function readStops ({ store, stopLog }: ReadServices, query: StopsQuery, caller: Caller) {
  const prefix = allowedPrefix(caller, query.prefix)
  const { limit = 50, generation_id: wanted } = query
  const found: StopRow[] = []
  /** Places of reported stops in the list. Another replica may have decided the stop, whose own row is older and says more. */
  const reports = new Map<string, number>()
  const isFound = ({ id, context }: StopRow): boolean => {
    const isOwn = caller.tokenPrefix === null || ownId(caller, id) !== null
    return isOwn && (prefix === ROOT || isWithin(context, prefix)) && (wanted === undefined || sentId(id) === wanted)
  }
  const add = (row: StopRow): void => {
    const { id, version } = row
    const reported = reports.get(id)
    if (version !== null && reported !== undefined) { found[reported] = row; return }
    if (version === null) reports.set(id, found.length)
    found.push(row)
  }
  await stopLog.flush()
  const [first = null, text = '0'] = query.before?.split(':') ?? []
  const rest = Number(text)
  let before = first !== null && rest > 0 ? after(first) : first
  for (let searched = 0; searched < SEARCHED; searched += BATCH) {
    const chunks = await store.stops.read(before, BATCH)
    for (const { id, rows } of chunks) {
      const decoded = await decodeStops(rows)
      let left = id === first ? Math.min(rest, decoded.length) : decoded.length
      while (left > 0) {
        const row = decoded[--left]!
        if (isFound(row)) add(row)
        if (found.length === limit) return { stops: found.map(viewOf), next: `${id}:${left}` }
      }
      before = id
    }
    if (chunks.length < BATCH) return { stops: found.map(viewOf), next: null }
  }
  return { stops: found.map(viewOf), next: `${before}:0` }
}

/** The id that follows that of a chunk: a read of the chunks before it begins with this one. */
function after (chunk: string): string {
  const [ms, sequence] = chunk.split('-')
  return sequence === undefined ? String(Number(ms) + 1) : `${ms}-${Number(sequence) + 1}`
}

function viewOf ({ at, id, context, source, tokens, score, scorer, threshold, version }: StopRow) {
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
    decided_by: version === null ? 'worker' as const : 'service' as const,
  }
}
