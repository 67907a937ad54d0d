import { Readable } from 'node:stream'
import { isWithin } from '../core/policy/context.js'

/** Bytes that may wait for a client that reads slowly. Changes are then gathered until it has read. */
const MAX_BUFFERED_BYTES = 16 * 1024
/** Keys that a message names. */
const NAMED = 100
/** Heartbeats after which a stream ends, ten minutes: the client connects again, so that a token that was taken away reads no further. */
const MAX_HEARTBEATS = 40
/** How long a client that lost the connection should wait before it connects again, ms. */
const RETRY_MS = 3000

/** One reader of the events: the changes that it was not told of yet, and its stream. */
export class EventClient {
  readonly stream = new Readable({ highWaterMark: MAX_BUFFERED_BYTES, read: () => {} })
  readonly prefix: string
  readonly #changed = new Set<string>()
  #haveCountsMoved = false
  #beats = 0
  #isEnded = false

  /** @param prefix the contexts that it is told of: this one and those below */
  constructor (prefix: string, version: number) {
    this.prefix = prefix
    this.#send(`retry: ${RETRY_MS}\nevent: hello\ndata: ${JSON.stringify({ model_version: version, prefix })}\n\n`)
  }

  /** Gathers what changed, of which the client is told by `flush`. */
  note (changed: readonly string[], haveCountsMoved: boolean): void {
    for (const key of changed) if (isWithin(key, this.prefix)) this.#changed.add(key)
    this.#haveCountsMoved ||= haveCountsMoved
  }

  /** Tells the client what changed since it was last told, unless it has not read that yet. */
  flush (version: number): void {
    if (this.#isSlow() || (this.#changed.size === 0 && !this.#haveCountsMoved)) return
    const contexts = [...this.#changed].slice(0, NAMED)
    const change = { model_version: version, contexts, contexts_changed: this.#changed.size, counts_changed: this.#haveCountsMoved }
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
