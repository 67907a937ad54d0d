import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { UpstreamError } from './upstream-error.js'

/** A push source of bytes that can be paused and cancelled. */
export interface ByteSource {
  /** From then on the bytes come, and at last their end: with an error if there was one. */
  readonly listen: (onBytes: (bytes: Buffer) => void, onEnd: (error: Error | null) => void) => void
  readonly pause: () => void
  readonly resume: () => void
  /** Ignores what else may come, and lets it end by itself. */
  readonly release: () => void
  readonly destroy: () => void
}

/** Most bytes of a reply that is read whole. */
const MAX_BYTES = 16 * 2 ** 20

/** How long a released reply may take to end, ms. */
const RELEASE_MS = 1000

/** The body of a reply. Not a Node stream, which was half the cost of reading a token. It waits until it is listened to. */
export class ReplyBody implements ByteSource {
  readonly #controller: Dispatcher.DispatchController
  #onBytes: (bytes: Buffer) => void = () => {}
  #onEnd: (error: Error | null) => void = () => {}
  #ended: { readonly error: Error | null } | null = null

  constructor (controller: Dispatcher.DispatchController) {
    this.#controller = controller
    controller.pause()
  }

  /** Bytes have come. */
  take (bytes: Buffer): void { this.#onBytes(bytes) }

  /** The reply is over. */
  end (error: Error | null): void {
    this.#ended = { error }
    this.#onEnd(error)
  }

  listen (onBytes: (bytes: Buffer) => void, onEnd: (error: Error | null) => void): void {
    this.#onBytes = onBytes
    this.#onEnd = onEnd
    if (this.#ended === null) this.#controller.resume()
    else onEnd(this.#ended.error)
  }

  pause (): void { this.#controller.pause() }
  resume (): void { if (this.#ended === null) this.#controller.resume() }

  /** Keeps the connection for the next request. */
  release (): void {
    if (this.#ended !== null) return
    const timer = setTimeout(() => { this.destroy() }, RELEASE_MS).unref()
    this.listen(() => {}, () => { clearTimeout(timer) })
  }

  /**
   * Closes the connection, at which model servers abort the generation. undici then opens another one for nothing, so a reply that has
   * come to its last event is released instead.
   */
  destroy (): void {
    if (this.#ended === null) this.#controller.abort(new Error('the reply is not wanted any more'))
  }

  readable (): Readable {
    const readable = new Readable({
      read: () => { this.resume() },
      destroy: (error, done) => {
        this.destroy()
        done(error)
      },
    })
    this.listen((bytes) => { if (!readable.push(bytes)) this.pause() }, (error) => {
      if (error === null) readable.push(null)
      else readable.destroy(error)
    })
    return readable
  }

  /** @throws UpstreamError if it is too long, or what broke the reply off */
  async text (): Promise<string> {
    const parts: Buffer[] = []
    let size = 0
    await new Promise<void>((resolve, reject) => {
      this.listen((bytes) => {
        parts.push(bytes)
        size += bytes.length
        if (size <= MAX_BYTES) return
        reject(new UpstreamError('the reply is too long'))
        this.destroy()
      }, (error) => { if (error === null) resolve(); else reject(error) })
    })
    return Buffer.concat(parts).toString()
  }
}
