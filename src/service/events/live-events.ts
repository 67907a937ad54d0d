import { Readable } from 'node:stream'
import type { ChainLink, ContextState } from '../../core/learn/index.js'
import { isWithin, ROOT } from '../../core/policy/index.js'
import { TooManyStreamsError } from '../../errors/errors.js'
import type { Store } from '../../store/store.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** Streams that a replica serves at once, and those of them that one token may have. */
export const MAX_CLIENTS = 100
export const MAX_CLIENTS_OF_TOKEN = 25
/** At most one message in this time, ms. */
const TICK_MS = 1000
/** Ticks from one heartbeat to the next. */
const HEARTBEAT_TICKS = 15

interface EventServices {
  readonly snapshotHolder: Pick<SnapshotHolder, 'loaded'>
  readonly store: Pick<Store, 'readContexts'>
}

/**
 * Sends changes to operators' pages. It looks once a second while there are readers, apart from the path of decisions: at the links of
 * the snapshot in force, and at the store's counts for each prefix that is read.
 */
export function createLiveEvents ({ snapshotHolder, store }: EventServices, tickMs = TICK_MS) {
  const clients = new Set<EventClient>()
  const counts = new Map<string, string>()
  let links: ReadonlyMap<string, ChainLink> = new Map()
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  let isClosed = false
  let ticks = 0

  function start (): void {
    links = snapshotHolder.loaded().links
    counts.clear()
    timer = setInterval(() => { tick().catch(() => {}) }, tickMs) // the store may be down: then nothing moves
    timer.unref()
  }

  async function tick (): Promise<void> {
    if (++ticks % HEARTBEAT_TICKS === 0) for (const client of clients) client.beat()
    const { snapshot: { version }, links: present } = snapshotHolder.loaded()
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
    /**
     * A stream of server-sent events on the contexts of a prefix.
     * @param holder the token that reads it; `null`: no token is required, and any caller may have all streams
     * @throws TooManyStreamsError
     */
    open (prefix = ROOT, holder: string | null = null): Readable {
      if (clients.size >= MAX_CLIENTS) throw new TooManyStreamsError(String(MAX_CLIENTS))
      const held = holder === null ? 0 : [...clients].filter((client) => client.holder === holder).length
      if (held >= MAX_CLIENTS_OF_TOKEN) throw new TooManyStreamsError(`${MAX_CLIENTS_OF_TOKEN} of this token`)
      const client = new EventClient(prefix, snapshotHolder.loaded().snapshot.version, holder)
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

/** Whether an operator would see the difference. Links of a context are the same object until it is reloaded. */
function isOther (before: ChainLink | undefined, after: ChainLink): boolean {
  if (before === after) return false
  return before === undefined ||
    before.threshold !== after.threshold || before.policy.score !== after.policy.score ||
    before.pin !== after.pin || before.policy.mode !== after.policy.mode || before.policy.max_em_drop !== after.policy.max_em_drop ||
    before.epochName !== after.epochName || before.warnings.join() !== after.warnings.join()
}

function countsOf (state: ContextState): string {
  const { reports: { generations, treated, follow_up: fates, updated_at: at }, savings: { probe_tokens: probes } } = state
  return JSON.stringify([generations, treated, probes, fates, at])
}

/** Bytes that may wait for a client that reads slowly. Changes are then gathered until it has read. */
const MAX_BUFFERED_BYTES = 16 * 1024
/** Keys that a message names. */
const NAMED = 100
/** Heartbeats after which a stream ends, ten minutes: the client connects again, so that a token that was taken away reads no further. */
const MAX_HEARTBEATS = 40
/** How long a client that lost the connection should wait before it connects again, ms. */
const RETRY_MS = 3000

/** One reader of the events: the changes not sent to it yet, and its stream. */
export class EventClient {
  readonly stream = new Readable({ highWaterMark: MAX_BUFFERED_BYTES, read: () => {} })
  readonly prefix: string
  readonly holder: string | null
  readonly #changed = new Set<string>()
  #haveCountsMoved = false
  #beats = 0
  #isEnded = false

  /** @param prefix the contexts whose changes are sent: this one and those below */
  constructor (prefix: string, version: number, holder: string | null = null) {
    this.prefix = prefix
    this.holder = holder
    this.#send(`retry: ${RETRY_MS}\nevent: hello\ndata: ${JSON.stringify({ snapshot_version: version, prefix })}\n\n`)
  }

  /** Gathers changes, which `flush` sends to the client. */
  note (changed: readonly string[], haveCountsMoved: boolean): void {
    for (const key of changed) if (isWithin(key, this.prefix)) this.#changed.add(key)
    this.#haveCountsMoved ||= haveCountsMoved
  }

  /** Sends the client the changes since the last message, unless it has not read that one yet. */
  flush (version: number): void {
    if (this.#isSlow() || (this.#changed.size === 0 && !this.#haveCountsMoved)) return
    const contexts = [...this.#changed].slice(0, NAMED)
    const change = { snapshot_version: version, contexts, contexts_changed: this.#changed.size, counts_changed: this.#haveCountsMoved }
    this.#changed.clear()
    this.#haveCountsMoved = false
    this.#send(`event: change\ndata: ${JSON.stringify(change)}\n\n`)
  }

  /** Keeps proxies from closing a connection on which nothing changes, and ends the stream in the end. */
  beat (): void {
    if (++this.#beats >= MAX_HEARTBEATS) this.end()
    else if (!this.#isSlow()) this.#send(': alive\n\n')
  }

  end (): void {
    if (this.#isOpen()) this.stream.push(null)
    this.#isEnded = true
  }

  #isOpen (): boolean { return !this.stream.destroyed && !this.#isEnded }

  #isSlow (): boolean { return this.stream.readableLength > MAX_BUFFERED_BYTES / 2 }

  #send (text: string): void { if (this.#isOpen()) this.stream.push(text) }
}
