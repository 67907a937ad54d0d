import type { IncomingMessage, ServerResponse } from 'node:http'
import { readAsked, type Asked, type Body, type Route } from './asked.js'
import { DialectError } from './dialects/dialect-error.js'
import type { Dialect } from './dialects/dialect.js'
import type { UpstreamDialect } from './dialects/upstream-dialect.js'
import { headersOf, jsonReply, streamReply } from './generation/client-reply.js'
import { Generation, type GenerationParts } from './generation/generation.js'
import { valueOf } from './hop-by-hop.js'
import { onClosed } from './on-closed.js'
import { passThrough, refuseAsUpstream, relay } from './pass-through.js'
import type { PassCause } from './pass-cause.js'
import type { DialectName } from './proxy-settings.js'
import { readBody } from './read-body.js'
import type { Begun, LocalDecider } from './service-link/local-decider.js'
import { HeaderError, readStopgateHeaders } from './stopgate-headers.js'
import type { Upstream } from './upstream.js'

const ROUTES: Readonly<Record<string, Route>> = { '/v1/chat/completions': 'chat', '/v1/completions': 'completions' }

interface Understood { readonly asked: Asked, readonly begun: Begun, readonly dialect: Dialect }

export interface HandlerParts extends Omit<GenerationParts, 'decider'> {
  readonly upstream: Upstream
  readonly decider: LocalDecider
  readonly maxBodyBytes: number
  readonly dialects: Readonly<Record<DialectName, Dialect>>
  readonly dialect: UpstreamDialect
}

/** Answers a request of a client: serves a generation, or passes the request through. */
export function createProxyHandler (parts: HandlerParts): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { upstream, decider, metrics, maxBodyBytes, dialects } = parts

  /** What is asked for, or why it is passed through. */
  async function understand (request: IncomingMessage, route: Route, body: Buffer): Promise<Understood | PassCause> {
    try {
      const said = readStopgateHeaders(request.headers)
      if (said.isOff) return 'off'
      const parsed = bodyOf(request, body)
      if (parsed === null) return 'body'
      const asked = readAsked(route, request.url!, parsed, said, Date.now())
      if (typeof asked === 'string') return asked
      const away = decider.refusal(asked.context)
      if (away !== null) return away
      const begun = decider.begin(asked)
      const name = await parts.dialect.find(request.rawHeaders)
      if (name === null) return 'not_ready'
      const dialect = dialects[name]
      return dialect.refusal(asked) ?? { asked, begun, dialect }
    } catch (error) {
      if (error instanceof HeaderError) return 'header'
      throw error
    }
  }

  async function serve (
    { asked, begun, dialect }: Understood, request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const { one, levels, unknown } = begun
    const run = await dialect.begin(asked, request.rawHeaders, signal, decider.nextCheck(one, 0))
    const { status, headers } = run.reply
    if (status !== 200 || !/^text\/event-stream/.test(valueOf(headers, 'content-type') ?? '')) {
      await relay(run.reply, response, signal)
      return
    }
    if (unknown.length > 0) metrics.leftOut(unknown, levels)
    const sent = headersOf(headers, one.id, asked.isStream ? 'text/event-stream; charset=utf-8' : 'application/json')
    const reply = asked.isStream ? streamReply(asked, response, sent) : jsonReply(asked, response, sent, run.reasoningField)
    await new Generation({ asked, dialect, run, one, reply, parts, signal }).serve()
  }

  return async function handle (request, response) {
    const since = performance.now()
    const gone = new AbortController()
    const { signal } = gone
    onClosed(request, response, () => {
      if (response.writableFinished) return
      metrics.aborted('client')
      gone.abort()
    })
    const route = request.method === 'POST' ? ROUTES[request.url!.split('?', 1)[0]!] : undefined
    const pass = async (cause: PassCause, body: Parameters<typeof passThrough>[3]) => {
      metrics.passed(cause)
      await passThrough(upstream, request, response, body, signal)
    }
    if (route === undefined) {
      const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
      await pass('route', hasBody ? request : null)
      return
    }
    const body = await readBody(request, maxBodyBytes)
    if (!Buffer.isBuffer(body)) { await pass('body', body); return }
    const understood = await understand(request, route, body)
    if (typeof understood === 'string') { await pass(understood, body); return }
    metrics.opened(since)
    try {
      await serve(understood, request, response, signal)
    } catch (error) {
      if (signal.aborted || response.headersSent) response.destroy()
      else if (error instanceof DialectError) await pass('not_ready', body)
      else refuseAsUpstream(response, error as Error)
    }
  }
}

function bodyOf (request: IncomingMessage, body: Buffer): Body | null {
  if (request.headers['content-encoding'] !== undefined) return null
  try {
    const parsed = JSON.parse(body.toString())
    return parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed) ? parsed : null
  } catch { return null }
}
