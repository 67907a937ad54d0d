import { Agent } from 'undici'

/** A call that the service did not take. */
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

export interface ServiceReply { readonly status: number, readonly etag: string, readonly body: any }

export type ServiceClient = ReturnType<typeof createServiceLink>

/** Calls of the stopgate service, with the proxy's own token. */
export function createServiceLink (url: string, token: string) {
  const agent = new Agent({ keepAliveTimeout: 4000, connections: 8 })
  const { origin, pathname } = new URL(url)
  const base = pathname.replace(/\/+$/, '')
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
