/** A reply that is no success, with the message of the service. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor (status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export interface ApiOptions {
  readonly fetch: typeof fetch
  /** The token of the user; `null`: none was given. */
  readonly token: () => string | null
  /** Called when the service wants a token, or another one. */
  readonly onRefused: () => void
}

/** Calls the service that this page came from. Paths are relative, such as `v1/fleet`. */
export function createApi ({ fetch, token, onRefused }: ApiOptions) {
  async function request (method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const bearer = token()
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = { ...(bearer !== null && { authorization: `Bearer ${bearer}` }), ...(body !== undefined && { 'content-type': 'application/json' }) }
    const reply = await fetch(path, { method, headers, ...json, ...(signal && { signal }) })
    if (reply.ok) return reply
    if (reply.status === 401) onRefused()
    const error = await reply.json().catch(() => ({})) as { code?: string, message?: string }
    throw new ApiError(reply.status, error.code ?? 'UNKNOWN', error.message ?? `The service answered ${reply.status}.`)
  }

  return {
    /** Sends JSON and reads JSON; `null` for a reply without a body. @throws ApiError */
    async call<T> (method: string, path: string, body?: unknown, signal?: AbortSignal) {
      const reply = await request(method, path, body, signal)
      return (reply.status === 204 ? null : await reply.json()) as T
    },
    /** A reply whose body is read as it comes. @throws ApiError */
    async open (path: string, signal: AbortSignal) { return (await request('GET', path, undefined, signal)).body! },
  }
}
