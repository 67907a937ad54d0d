import http from 'node:http'
import https from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { CommandError } from '../usage.js'

/** The service can't be reached, or refused what a replay sent. */
export class ServiceError extends CommandError { override name = 'ServiceError' }

interface Answer { readonly status: number, readonly retryAfter: string | undefined, readonly text: string }

export interface HttpClient {
  /** Sends JSON, reads JSON. Waits out a 503 and tries again after a lost connection. @throws ServiceError */
  readonly send: (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>
  /** Requests sent so far, retries included. */
  readonly requests: () => number
  readonly close: () => void
}

/** How long a service may stay away before a replay gives up, ms. */
const PATIENCE_MS = 60_000
/** Where a reply does not say (a lost connection), s. */
const RETRY_AFTER_SECONDS = 1

export interface ClientOptions {
  /** Of the service, where it asks for one. */
  readonly token?: string | undefined
  /** How long to go on trying one request. */
  readonly patienceMs?: number | undefined
}

/** A client with connections that stay open. It speaks node:http, as `fetch` reaches a third of its requests a second. */
export function createHttpClient (url: string, concurrency: number, { token, patienceMs = PATIENCE_MS }: ClientOptions = {}): HttpClient {
  const isSecure = url.startsWith('https:')
  const agent = new (isSecure ? https : http).Agent({ keepAlive: true, maxSockets: concurrency })
  const base = url.replace(/\/+$/, '')
  let requests = 0

  function once (method: string, path: string, payload: string | undefined): Promise<Answer> {
    requests++
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(payload !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    }
    return new Promise((resolve, reject) => {
      const request = (isSecure ? https : http).request(base + path, { method, agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part) => { text += part })
        response.on('end', () => resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'], text }))
        response.on('error', reject)
      })
      request.on('error', reject)
      request.end(payload)
    })
  }

  return {
    requests: () => requests,
    close: () => agent.destroy(),
    async send (method, path, body) {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const deadline = performance.now() + patienceMs
      for (;;) {
        // Sending again is safe: decisions change nothing, outcomes are counted once by their id.
        const answer = await once(method, path, payload).catch((error: Error) => error)
        if (!(answer instanceof Error) && answer.status !== 503) return read(`${method} ${path}`, answer)
        const seconds = Number(answer instanceof Error ? NaN : answer.retryAfter)
        const waitMs = (Number.isFinite(seconds) ? seconds : RETRY_AFTER_SECONDS) * 1000
        if (performance.now() + waitMs > deadline) throw away(base, answer)
        await setTimeout(waitMs)
      }
    },
  }
}

function read (what: string, { status, text }: Answer): unknown {
  let body: unknown
  try { body = JSON.parse(text) } catch { throw new ServiceError(`${what} answered ${status} without JSON: is this a stopgate service?`) }
  if (status < 300) return body
  const { code, message } = body as { code?: string, message?: string }
  throw new ServiceError(`${what} answered ${status} ${code ?? ''}: ${message ?? text.slice(0, 200)}`)
}

function away (url: string, answer: Answer | Error): ServiceError {
  const why = answer instanceof Error ? answer.message || (answer as NodeJS.ErrnoException).code : 'it answers 503'
  return new ServiceError(`no service at ${url}: ${why}`)
}
