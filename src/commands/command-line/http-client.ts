import http from 'node:http'
import https from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { CommandError } from './command-error.js'

/** The service can't be reached, or refused what a replay sent. */
export class ServiceError extends CommandError { override name = 'ServiceError' }

interface Answer { readonly status: number, readonly retryAfter: string | undefined, readonly text: string }

export interface HttpClient {
  /** Sends JSON, reads JSON. Waits out a 429 or 503 and tries again after a lost connection. @throws ServiceError */
  readonly send: (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>
  /** Requests sent so far, retries included. */
  readonly requests: () => number
  readonly close: () => void
}

/** How long a service may stay away before a command gives up, ms; one that has never answered is rather another address. */
const PATIENCE_MS = 60_000
const FIRST_PATIENCE_MS = 2000
/** How long nothing may come on a connection, ms: an address that nobody has swallows what is sent there. */
const SILENCE_MS = 60_000
const FIRST_SILENCE_MS = 5000
/** Where a reply does not say (a lost connection), s. */
const RETRY_AFTER_SECONDS = 1

export interface ClientOptions {
  /** Of the service, where it asks for one. */
  readonly token?: string | undefined
  /** How long to go on trying one request, once the service has answered at all. */
  readonly patienceMs?: number | undefined
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
  /** Told why, once a request, when it has to wait. */
  readonly onWait?: (why: string) => void
}

/** A client with connections that stay open. It speaks node:http, as `fetch` reaches a third of its requests a second. */
export function createHttpClient (
  url: string, concurrency: number, { token, patienceMs = PATIENCE_MS, signal, onWait }: ClientOptions = {}
): HttpClient {
  const isSecure = url.startsWith('https:')
  const agent = new (isSecure ? https : http).Agent({ keepAlive: true, maxSockets: concurrency })
  const base = url.replace(/\/+$/, '')
  let requests = 0
  let hasAnswered = false

  function once (method: string, path: string, payload: string | undefined): Promise<Answer> {
    requests++
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(payload !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    }
    return new Promise((resolve, reject) => {
      const timeout = hasAnswered ? SILENCE_MS : FIRST_SILENCE_MS
      const request = (isSecure ? https : http).request(base + path, { method, agent, headers, timeout }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part) => { text += part })
        response.on('end', () => resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'], text }))
        response.on('error', reject)
      })
      request.on('error', reject)
      request.on('timeout', () => request.destroy(new Error('nothing comes back')))
      request.end(payload)
    })
  }

  return {
    requests: () => requests,
    close: () => agent.destroy(),
    async send (method, path, body) {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const since = performance.now()
      let isWaiting = false
      for (;;) {
        // Sending again is safe: decisions change nothing, outcomes are counted once by their id.
        const answer = await once(method, path, payload).catch((error: Error) => error)
        hasAnswered ||= !(answer instanceof Error)
        if (!(answer instanceof Error) && answer.status !== 503 && answer.status !== 429) return read(`${method} ${base}${path}`, answer)
        const seconds = Number(answer instanceof Error ? NaN : answer.retryAfter)
        const waitMs = (Number.isFinite(seconds) ? seconds : RETRY_AFTER_SECONDS) * 1000
        const error = away(base, answer)
        const mostMs = hasAnswered ? patienceMs : Math.min(patienceMs, FIRST_PATIENCE_MS)
        if (performance.now() + waitMs > since + mostMs) throw error
        if (!isWaiting) onWait?.(`waiting: ${error.message}`)
        isWaiting = true
        await setTimeout(waitMs, undefined, { signal }).catch(() => { throw error })
      }
    },
  }
}

/** What the service can't know: how its caller was told. */
const REMEDIES: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: ' (STOPGATE_TOKEN or --token)',
  ROUTE_NOT_FOUND: ' (--url is the address alone, without /v1)',
}

function read (what: string, { status, text }: Answer): unknown {
  const body = jsonOf(text)
  if (body === undefined || (status >= 300 && body?.code === undefined)) {
    throw new ServiceError(`${what} answered ${status}, and not as a stopgate service does: give the address of one with --url`)
  }
  if (status < 300) return body
  const { code, message = text.slice(0, 200) } = body!
  throw new ServiceError(`${what} answered ${status} ${code}: ${message}${REMEDIES[code!] ?? ''}`)
}

/** `undefined`: it is no JSON. */
function jsonOf (text: string): { code?: string, message?: string } | null | undefined {
  try { return JSON.parse(text) } catch { return undefined }
}

/** What OpenSSL calls it. */
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function away (url: string, answer: Answer | Error): ServiceError {
  if (!(answer instanceof Error)) return new ServiceError(`the service at ${url} answers ${answer.status}: ${jsonOf(answer.text)?.message ?? 'come back later'}`)
  const { code = '' } = answer as NodeJS.ErrnoException
  const why = answer.message.trim() || code
  if (UNKNOWN_AUTHORITY.has(code)) {
    return new ServiceError(`${url} shows a certificate of an authority that is not known here (${why}): name the authority's PEM file in NODE_EXTRA_CA_CERTS`)
  }
  return new ServiceError(`no service at ${url}: ${why}; start it there, or give its address with --url`)
}
