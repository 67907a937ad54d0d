import { isoTime } from '../../../openapi/wire.js'
import type { StopsQuery } from '../../../openapi/generation-schemas.js'
import { isWithin, ROOT } from '../../core/policy/index.js'
import type { Store } from '../../store/store.js'
import { allowedPrefix, type Caller, ownId, sentId } from '../access/context-access.js'
import { readAnswers } from '../outcomes/kept-answers.js'
import { decodeEvent } from '../decision-log/logged-event.js'
import { labelledEm } from '../decision-log/read-generation.js'
import type { DecisionLog } from '../decision-log/decision-log.js'
import type { StopLog } from '../decision-log/stop-log.js'
import { isStoredBefore, placeAt, type Stop, StopReader } from '../decision-log/stop-pages.js'

interface ReadServices {
  readonly store: Pick<Store, 'stops' | 'events' | 'answers'>
  readonly stopLog: Pick<StopLog, 'flush'>
  readonly decisionLog: Pick<DecisionLog, 'flush'>
}

/** Stops whose labels are read at once, where a search is for their EM. */
const LABELS_AT_ONCE = 256

/**
 * Reads stops, newest first. A search ends after 2,048 chunks; `next` then goes on from there.
 * @throws ForbiddenError, StoreUnavailableError
 */
export async function readStops ({ store, stopLog, decisionLog }: ReadServices, query: StopsQuery, caller: Caller) {
  const { limit = 50, em, before } = query
  const since = query.since === undefined ? -Infinity : Date.parse(query.since)
  const until = query.until === undefined ? Infinity : Date.parse(query.until)
  const isFound = filterOf(query, caller, until)
  await Promise.all([stopLog.flush(), decisionLog.flush()]) // which has the labels
  const reader = new StopReader(store.stops, before ?? (until === Infinity ? null : placeAt(until)))
  const found: Stop[] = []
  for (;;) {
    const { stops, next } = await nextStops(reader, em === undefined ? limit - found.length : LABELS_AT_ONCE, since, isFound)
    for (const stop of await withLabels(store, stops)) {
      if (em !== undefined && stop.outcome?.em !== em) continue
      found.push(stop)
      if (found.length === limit) return { stops: await viewsOf(store, found), next: stop.next }
    }
    if (next !== undefined) return { stops: await viewsOf(store, found), next }
  }
}

function filterOf ({ prefix: asked, generation_id: wanted, version }: StopsQuery, caller: Caller, until: number): (stop: Stop) => boolean {
  const prefix = allowedPrefix(caller, asked)
  return ({ id, at, context, decision }) =>
    at <= until && (caller.tokenPrefix === null || ownId(caller, id) !== null) && (prefix === ROOT || isWithin(context, prefix)) &&
    (wanted === undefined || sentId(id) === wanted) && (version === undefined || decision?.version === version)
}

/** @returns `next`: where the list goes on, if not directly behind these stops */
async function nextStops (
  reader: StopReader, limit: number, since: number, isFound: (stop: Stop) => boolean
): Promise<{ stops: Stop[], next?: string | null }> {
  const stops: Stop[] = []
  while (stops.length < limit) {
    const stop = await reader.read()
    if (stop === null) return { stops, next: reader.next }
    if (isStoredBefore(stop, since)) return { stops, next: null }
    if (stop.at >= since && isFound(stop)) stops.push(stop)
  }
  return { stops }
}

/** The stops, with the EM of labels that came after their outcomes, as far as the decision log has them. */
async function withLabels (store: Pick<Store, 'events'>, stops: readonly Stop[]): Promise<readonly Stop[]> {
  const unknown = stops.filter(({ outcome }) => outcome?.em === null).map(({ id }) => id)
  if (unknown.length === 0) return stops
  const events = await store.events.read(unknown)
  return stops.map((stop) => {
    const label = events.get(stop.id)?.map(decodeEvent).findLast((event) => event?.event === 'label')
    if (stop.outcome === null || label === undefined) return stop
    return { ...stop, outcome: { ...stop.outcome, em: stop.outcome.em ?? labelledEm(undefined, label) } }
  })
}

async function viewsOf (store: Pick<Store, 'answers'>, stops: readonly Stop[]) {
  const answers = stops.length === 0 ? new Map() : await readAnswers({ store }, stops.map(({ id }) => id))
  return stops.map((stop) => viewOf(stop, answers.get(stop.id)?.answer))
}

function viewOf ({ at, id, context, source, tokens, decision, outcome, decidedBy }: Stop, answer: string | undefined) {
  return {
    at: isoTime(at),
    generation_id: sentId(id),
    context,
    tokens,
    score: decision && decision.score,
    scorer: decision && decision.scorer,
    threshold: decision && decision.threshold,
    threshold_context: source,
    snapshot_version: decision && decision.version,
    decided_by: decidedBy,
    outcome: outcome && { em: outcome.em, tokens: outcome.tokens, as_probed: outcome.isAsProbed, ...(answer !== undefined && { answer }) },
  }
}
