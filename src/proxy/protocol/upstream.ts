import { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import type { ByteSource } from './event-stream.js'
import { itemsOf } from './json.js'
import type { RawHeaders } from './raw-headers.js'

/** vLLM closes idle connections after 5 s, and a request that meets the close is lost. So they are given up before, ms. */
const IDLE_MS = 4000

/** The longest reply that is read whole. */
const MAX_REPLY_BYTES = 16 * 2 ** 20

/** Time within which a released reply has to end, ms. */
const RELEASE_MS = 1000

/** The upstream answered with an error, with invalid JSON, or with a body above the size limit. */
export class UpstreamError extends Error { override name = 'UpstreamError' }

interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: Dispatcher.DispatchOptions['body']
  readonly signal: AbortSignal
}

export interface UpstreamReply {
  readonly status: number
  readonly headers: RawHeaders
  readonly body: ReplyBody
}

export type Upstream = ReturnType<typeof createUpstream>

interface UpstreamOptions {
  /** Receives the path of each request that is sent. */
  readonly onRequest?: (path: string) => void
  /** Whether a connection that had a stream may have another request. */
  readonly reusesConnections?: () => boolean
}

/** The model server. Generations may take as long as they like: clients have time limits of their own. */
export function createUpstream (address: string, { onRequest = () => {}, reusesConnections = () => false }: UpstreamOptions = {}) {
  const { origin, pathname } = new URL(address)
  const base = pathname.replace(/(?<!\/)\/+$/, '')
  const options = { keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS, headersTimeout: 0, bodyTimeout: 0, connections: null }
  const forStreams = new Agent(options)
  /** An agent of its own: undici searches its connections in turn for an idle one, and those of streams are busy. */
  const forJson = new Agent(options)

  async function send (agent: Agent, { method, path, headers, body, signal }: UpstreamRequest, reset: boolean): Promise<UpstreamReply> {
    onRequest(path)
    // Every method of a client is passed on, including methods that undici does not list.
    const options = { origin, path: base + path, method: method as Dispatcher.HttpMethod, headers: [...headers], body, reset }
    return await sendRequest(agent, options, signal)
  }

  return {
    address,
    /** Sends a request whose reply may be a stream. */
    open: async (request: UpstreamRequest): Promise<UpstreamReply> => await send(forStreams, request, !reusesConnections()),
    /** Sends and reads JSON. @throws UpstreamError, or an error of undici */
    async json (path: string, headers: RawHeaders, body: unknown, signal: AbortSignal): Promise<unknown> {
      const isPost = body !== undefined
      const reply = await send(forJson, { method: isPost ? 'POST' : 'GET', path, headers, body: isPost ? JSON.stringify(body) : null, signal }, false)
      const text = await reply.body.text()
      if (reply.status !== 200) throw new UpstreamError(`${path} was answered ${reply.status} ${text.slice(0, 200)}`)
      try { return JSON.parse(text) } catch { throw new UpstreamError(`${path} was not answered with JSON: ${text.slice(0, 200)}`) }
    },
    close: async () => { await Promise.all([forStreams.destroy(), forJson.destroy()]) },
  }
}

/** Sends a request. Resolves with the head of the reply. @throws an error of undici, or the reason of the signal */
export async function sendRequest (agent: Dispatcher, options: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<UpstreamReply> {
  return await new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let body: ReplyBody | undefined
    const abort = (): void => { controller?.abort(signal.reason) }
    const end = (error: Error | null): void => {
      signal.removeEventListener('abort', abort)
      body?.end(error)
    }
    signal.addEventListener('abort', abort)
    agent.dispatch(options, {
      onRequestStart (its) {
        controller = its
        if (signal.aborted) abort()
      },
      onResponseStart (its, status) {
        if (status < 200) return
        body = new ReplyBody(its)
        resolve({ status, headers: itemsOf(its.rawHeaders).map(latin1), body })
      },
      onResponseData (_its, bytes) { body?.take(bytes) },
      onResponseEnd () { end(null) },
      onResponseError (_its, error) {
        reject(error)
        end(error)
      },
    })
  })
}

/** The bytes of a header as Node reads them. */
function latin1 (header: unknown): string {
  return Buffer.isBuffer(header) ? header.toString('latin1') : String(header)
}

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
    if (this.#ended === null) this.#controller.abort(new Error('the reply is no longer needed'))
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

  /** @throws UpstreamError if it is too long, or the error that broke the reply off */
  async text (): Promise<string> {
    const parts: Buffer[] = []
    let size = 0
    await new Promise<void>((resolve, reject) => {
      this.listen((bytes) => {
        parts.push(bytes)
        size += bytes.length
        if (size <= MAX_REPLY_BYTES) return
        reject(new UpstreamError('the reply is too long'))
        this.destroy()
      }, (error) => { if (error === null) resolve(); else reject(error) })
    })
    return Buffer.concat(parts).toString()
  }
}
