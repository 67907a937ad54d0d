import { setTimeout } from 'node:timers/promises'
import { Agent } from 'undici'

/** A call that the service did not accept. */
export class CallError extends Error {
  override name = 'CallError'
  /** `null`: no reply. */
  readonly status: number | null
  readonly retryAfterMs: number
  constructor (message: string, status: number | null, retryAfterMs = 0) {
    super(message)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }

  /** Whether the same call may succeed later. */
  get mayRetry (): boolean { return this.status === null || this.status === 429 || this.status >= 500 }
}

interface ServiceReply { readonly status: number, readonly etag: string, readonly body: unknown }

export type ServiceClient = ReturnType<typeof createServiceClient>

/** Calls of the stopgate service, with the proxy's own token. They throw CallError. */
export function createServiceClient (url: string, token: string) {
  const agent = new Agent({ keepAliveTimeout: 4000, connections: 8 })
  const { origin, pathname } = new URL(url)
  const base = pathname.replace(/(?<!\/)\/+$/, '')
  const authorization = token === '' ? {} : { authorization: `Bearer ${token}` }

  async function call (
    method: 'GET' | 'POST', path: string, body: unknown, timeoutMs: number, more: Record<string, string> = {}
  ): Promise<ServiceReply> {
    const headers = { ...authorization, ...more, ...(body !== undefined && { 'content-type': 'application/json' }) }
    try {
      const reply = await agent.request({
        origin,
        path: base + path,
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await reply.body.text()
      const { statusCode: status, headers: { etag, 'retry-after': after } } = reply
      const problem = `${method} ${path} was answered ${status} ${text.slice(0, 200)}`
      if (status >= 400) throw new CallError(problem, status, 1000 * (Number(after) || 0))
      return { status, etag: String(etag ?? ''), body: text === '' ? null : JSON.parse(text) }
    } catch (error) {
      if (error instanceof CallError) throw error
      throw new CallError(`${method} ${path}: ${(error as Error).message}`, null)
    }
  }

  return {
    get: (path: string, timeoutMs: number, headers?: Record<string, string>) => call('GET', path, undefined, timeoutMs, headers),
    post: (path: string, body: unknown, timeoutMs: number) => call('POST', path, body, timeoutMs),
    close: () => agent.destroy(),
  }
}

/** Waits that double from `firstMs` to `maxMs`, each shortened at random so that proxies do not call at once. */
export class Backoff {
  readonly #firstMs: number
  readonly #maxMs: number
  #nextMs: number

  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>

  constructor (firstMs: number, maxMs: number, sleep = (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal })) {
    this.#firstMs = this.#nextMs = firstMs
    this.#maxMs = maxMs
    this.#sleep = sleep
  }

  reset (): void { this.#nextMs = this.#firstMs }

  /** Ends early when the signal aborts. */
  async wait (signal: AbortSignal, minMs = 0): Promise<void> {
    const ms = Math.max(minMs, this.#nextMs * (0.5 + Math.random() / 2))
    this.#nextMs = Math.min(this.#maxMs, 2 * this.#nextMs)
    await this.#sleep(ms, signal).catch(() => {})
  }
}
