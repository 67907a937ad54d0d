import http from 'node:http'
import https from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { CommandError } from './command-error.js'

/** The service cannot be reached, or answered with an error. */
export class ServiceError extends CommandError { override name = 'ServiceError' }

interface Answer { readonly status: number, readonly retryAfter: string | undefined, readonly text: string }

export type HttpClient = ReturnType<typeof createHttpClient>

/** How long to retry a request before giving up, ms; shorter if the service has never answered, since the address may be wrong. */
const PATIENCE_MS = 60_000
const FIRST_PATIENCE_MS = 2000
/** How long a connection may be silent, ms: some addresses swallow all packets. */
const SILENCE_MS = 60_000
const FIRST_SILENCE_MS = 5000
/** Delay before a retry if no reply states one, s. */
const RETRY_AFTER_SECONDS = 1

export interface ClientOptions {
  /** Access token for the service. */
  readonly token?: string | undefined
  /** How long to retry a request once the service has answered anything, ms. */
  readonly patienceMs?: number | undefined
  /** Ends a wait between retries. */
  readonly signal?: AbortSignal | undefined
  /** Called with the reason when a request has to wait, once a request. */
  readonly onWait?: (why: string) => void
}

/** A client with kept-alive connections. It uses node:http, since `fetch` reaches only a third of the requests a second. */
export function createHttpClient (
  url: string, concurrency: number, { token, patienceMs = PATIENCE_MS, signal, onWait }: ClientOptions = {}
) {
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
      request.on('timeout', () => request.destroy(new Error('no reply')))
      request.end(payload)
    })
  }

  return {
    /** Number of requests sent so far, retries included. */
    requests: () => requests,
    close: () => agent.destroy(),
    /** Sends and reads JSON. Repeats the request after a 429, a 503 or a lost connection. @throws ServiceError */
    async send (method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const since = performance.now()
      let isWaiting = false
      for (;;) {
        // Repeating is safe: decisions change nothing, and outcomes are counted once by their id.
        const answer = await once(method, path, payload).catch((error: Error) => error)
        hasAnswered ||= !(answer instanceof Error)
        if (!(answer instanceof Error) && answer.status !== 503 && answer.status !== 429) return read(`${method} ${base}${path}`, answer)
        const seconds = Number(answer instanceof Error ? NaN : answer.retryAfter)
        const waitMs = (Number.isFinite(seconds) ? seconds : RETRY_AFTER_SECONDS) * 1000
        const error = unavailable(base, answer)
        const limitMs = hasAnswered ? patienceMs : Math.min(patienceMs, FIRST_PATIENCE_MS)
        if (performance.now() + waitMs > since + limitMs) throw error
        if (!isWaiting) onWait?.(`waiting: ${error.message}`)
        isWaiting = true
        await setTimeout(waitMs, undefined, { signal }).catch(() => { throw error })
      }
    },
  }
}

/** Remedies that the service cannot name, since they are flags of the command. */
const REMEDIES: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: ' (STOPGATE_TOKEN or --token)',
  ROUTE_NOT_FOUND: ' (--url is the address alone, without /v1)',
}

function read (what: string, { status, text }: Answer): unknown {
  const body = jsonOf(text)
  if (body === undefined || (status >= 300 && body?.code === undefined)) {
    throw new ServiceError(`${what} answered ${status}, but not like a stopgate service: give its address with --url`)
  }
  if (status < 300) return body
  const { code, message = text.slice(0, 200) } = body!
  throw new ServiceError(`${what} answered ${status} ${code}: ${message}${REMEDIES[code!] ?? ''}`)
}

/** `undefined` if the text is not JSON. */
function jsonOf (text: string): { code?: string, message?: string } | null | undefined {
  try { return JSON.parse(text) } catch { return undefined }
}

/** OpenSSL's error codes for an unknown certificate authority. */
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function unavailable (url: string, answer: Answer | Error): ServiceError {
  if (!(answer instanceof Error)) return new ServiceError(`the service at ${url} answers ${answer.status}: ${jsonOf(answer.text)?.message ?? 'try again later'}`)
  const { code = '' } = answer as NodeJS.ErrnoException
  const why = answer.message.trim() || code
  if (UNKNOWN_AUTHORITY.has(code)) {
    return new ServiceError(`${url} has a certificate of an unknown authority (${why}): name the PEM file of the authority in NODE_EXTRA_CA_CERTS`)
  }
  return new ServiceError(`no service at ${url}: ${why}; start it there, or give its address with --url`)
}
