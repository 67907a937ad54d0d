import { setTimeout } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { CommandError } from './command-error.js'

/** The service cannot be reached, or answered with an error. */
class ServiceError extends CommandError { override name = 'ServiceError' }

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
  /** Called when a request has to wait, with the reason, at most once per request. */
  readonly onWait?: (why: string) => void
}

/**
 * A client with kept-alive connections. It repeats requests itself, since undici's RetryAgent does not fit: it drops the message of a 429
 * or 503, which users should see, limits attempts instead of time, and requests the rest of an interrupted reply, which the service does
 * not support.
 */
export function createHttpClient (
  url: string, concurrency: number, { token, patienceMs = PATIENCE_MS, signal, onWait }: ClientOptions = {}
) {
  const dispatcher = new Agent({ connections: concurrency, connectTimeout: FIRST_SILENCE_MS })
  const base = withoutCredentials(url).replace(/\/+$/, '')
  const authorization = token === undefined ? basicAuthorization(url) : `Bearer ${token}`
  let hasAnswered = false

  async function sendOnce (method: 'GET' | 'POST', path: string, payload: string | undefined): Promise<Answer> {
    const silenceMs = hasAnswered ? SILENCE_MS : FIRST_SILENCE_MS
    const headers = {
      ...(authorization !== undefined && { authorization }),
      ...(payload !== undefined && { 'content-type': 'application/json' }),
    }
    const reply = await request(base + path, {
      dispatcher, method, headers, headersTimeout: silenceMs, bodyTimeout: silenceMs, ...(payload !== undefined && { body: payload }),
    })
    return { status: reply.statusCode, retryAfter: reply.headers['retry-after']?.toString(), text: await reply.body.text() }
  }

  return {
    close: () => dispatcher.destroy(),
    /** Sends and reads JSON. Repeats the request after a 429, a 503 or a lost connection. @throws ServiceError */
    async send (method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const since = performance.now()
      let isWaiting = false
      for (;;) {
        // Repeating is safe: decisions change nothing, and outcomes are counted once by their id.
        const answer = await sendOnce(method, path, payload).catch((error: Error) => error)
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

/** The address without its credentials, for messages. */
function withoutCredentials (url: string): string {
  const { username, password } = new URL(url)
  return username === '' && password === '' ? url : url.replace(/\/\/[^/]*@/, '//')
}

/** The credentials of an address such as `http://name:password@host`, for a service behind a proxy that asks for them. */
function basicAuthorization (url: string): string | undefined {
  const { username, password } = new URL(url)
  if (username === '' && password === '') return undefined
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
}

/** Advice that the service cannot give, since it names flags of the command. */
const ADVICE: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: ' (STOPGATE_TOKEN or --token)',
  ROUTE_NOT_FOUND: ' (--url is the address alone, without /v1)',
}

function read (what: string, { status, text }: Answer): unknown {
  const body = jsonOf(text)
  if (body === undefined || (status >= 300 && body?.code === undefined)) {
    throw new ServiceError(`${what} answered ${status}, but not like a stopgate service: check --url`)
  }
  if (status < 300) return body
  const { code, message = text.slice(0, 200) } = body!
  throw new ServiceError(`${what} answered ${status} ${code}: ${message}${ADVICE[code!] ?? ''}`)
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

/** undici's error codes for a connection that is silent. */
const SILENCE_CODES: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

function unavailable (url: string, answer: Answer | Error): ServiceError {
  if (!(answer instanceof Error)) return new ServiceError(`the service at ${url} answers ${answer.status}: ${jsonOf(answer.text)?.message ?? 'try again later'}`)
  const { code = '' } = answer as NodeJS.ErrnoException
  const why = SILENCE_CODES.has(code) ? 'no reply' : answer.message.trim() || code
  if (UNKNOWN_AUTHORITY.has(code)) {
    return new ServiceError(`${url} has a certificate of an unknown authority (${why}): name the PEM file of the authority in NODE_EXTRA_CA_CERTS`)
  }
  return new ServiceError(`no service at ${url}: ${why}; start it there, or give its address with --url`)
}
