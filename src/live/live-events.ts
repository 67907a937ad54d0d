import type { Readable } from 'node:stream'
import type { ChainLink } from '../core/judgement/chain-link.js'
import type { ContextState } from '../core/judgement/context-state.js'
import { ROOT } from '../core/policy/context.js'
import { TooManyStreamsError } from '../errors/errors.js'
import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'
import { EventClient } from './event-client.js'

/** Streams that a replica serves at once. */
export const MAX_CLIENTS = 100
/** At most one message in this time, ms. */
const TICK_MS = 1000
/** Ticks from one heartbeat to the next. */
const HEARTBEAT_TICKS = 15

export interface EventServices {
  readonly service: Pick<Service, 'model'>
  readonly store: Pick<Store, 'readContexts'>
}

/**
 * Tells operators' pages what changed. It looks once a second while there are readers, apart from the path of decisions: at the links of
 * the model in force, and at what the store counts for each prefix that is read.
 */
export function createLiveEvents ({ service, store }: EventServices, tickMs = TICK_MS) {
  const clients = new Set<EventClient>()
  const counts = new Map<string, string>()
  let links: ReadonlyMap<string, ChainLink> = new Map()
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  let isClosed = false
  let ticks = 0

  function start (): void {
    links = service.model().links
    counts.clear()
    timer = setInterval(() => { tick().catch(() => {}) }, tickMs) // the store may be down: then nothing moves
    timer.unref()
  }

  async function tick (): Promise<void> {
    if (++ticks % HEARTBEAT_TICKS === 0) for (const client of clients) client.beat()
    const { snapshot: { version }, links: present } = service.model()
    const changed = present === links ? [] : [...present].flatMap(([key, link]) => isOther(links.get(key), link) ? [key] : [])
    links = present
    for (const client of clients) client.note(changed, false)
    if (!isLooking) await noteCounts().catch(() => {})
    for (const client of clients) client.flush(version)
  }

  async function noteCounts (): Promise<void> {
    isLooking = true
    try {
      const prefixes = [...new Set([...clients].map(({ prefix }) => prefix))]
      const states = await store.readContexts(prefixes)
      for (const prefix of prefixes) {
        const state = states.get(prefix)
        const count = state === undefined ? '' : countsOf(state)
        const before = counts.get(prefix)
        counts.set(prefix, count)
        if (before === undefined || before === count) continue
        for (const client of clients) if (client.prefix === prefix) client.note([], true)
      }
    } finally {
      isLooking = false
    }
  }

  return {
    /** A stream of server-sent events on the contexts of a prefix. @throws TooManyStreamsError */
    open (prefix = ROOT): Readable {
      if (clients.size >= MAX_CLIENTS) throw new TooManyStreamsError(String(MAX_CLIENTS))
      const client = new EventClient(prefix, service.model().snapshot.version)
      if (isClosed) client.end()
      else {
        clients.add(client)
        if (clients.size === 1) start()
      }
      client.stream.once('close', () => {
        clients.delete(client)
        if (clients.size === 0) clearInterval(timer)
      })
      return client.stream
    },
    /** Ends all streams, and lets none begin. */
    close () {
      isClosed = true
      clearInterval(timer)
      for (const client of clients) client.end()
    },
  }
}

/** Whether an operator would see the difference. Links of one context are the same object until something is read anew. */
function isOther (before: ChainLink | undefined, after: ChainLink): boolean {
  if (before === after) return false
  return before === undefined ||
    before.threshold !== after.threshold || before.lottery?.share !== after.lottery?.share || before.scorer !== after.scorer ||
    before.pin !== after.pin || before.policy.mode !== after.policy.mode || before.policy.max_em_drop !== after.policy.max_em_drop ||
    before.epochName !== after.epochName || before.warnings.join() !== after.warnings.join()
}

function countsOf (state: ContextState): string {
  const { generations, treated, tokens_saved_gross: saved, probe_tokens: probes, follow_up: fates, updated_at: at } = state
  return JSON.stringify([generations, treated, saved, probes, fates, at])
}
