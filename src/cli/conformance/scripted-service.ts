import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { contextKey, type Levels } from '../../core/policy/index.js'
import { CommandError } from '../command-line/command-error.js'
import { startTemporaryService } from '../command-line/temporary-service.js'
import { contextsOf, type Exchange, generationsOf } from './generation-record.js'

/**
 * A failure that the script puts in place of a reply. `close`: the connection ends without a reply; `hang`: the service gets the call, and
 * the worker no reply; `lose`: the service gets the call, and the connection then ends.
 */
export type Failure = 'close' | 'hang' | 'lose' | { readonly status: number, readonly body: string, readonly headers?: Readonly<Record<string, string>> }

/** The calls that a script may let fail: for decisions, bundles and enrolments, and those that report outcomes. */
export type CallKind = 'ask' | 'report'

export interface Script {
  /**
   * @param count calls of this kind that came before, since the script began
   * @param elapsedMs time since the first of them
   */
  readonly failure?: (kind: CallKind, count: number, elapsedMs: number) => Failure | null
  /** Whether only reports of generations that begin in this script fail, since no other is judged by it. */
  readonly failsOwnReports?: true
  /** Threshold to pin in all contexts; absent: none is in force. */
  readonly threshold?: number
  /** Whether steps without an arm get the treated arm, instead of being drawn: without a threshold, a service would treat few. */
  readonly treats?: boolean
}

export type ScriptedService = Awaited<ReturnType<typeof startScriptedService>>

/** Under a pin, both arms are equally frequent. The checks at 32, 64, 96 and 160 tokens do not lie at equal distances. */
const POLICY = {
  label_rate: 0.75,
  control_rate: 0.5,
  check_every_tokens: 32,
  check_growth: 0.5,
  evidence_span_seconds: 0,
  max_probe_overhead: 1,
} as const

/** Longest time for which a reply is held back, ms. */
const HANG_MS = 5000

const HOP_BY_HOP = ['host', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'accept-encoding', 'expect']

/**
 * Starts a real service behind a relay, which records the calls and lets them fail as the present script says.
 * @param port of the relay; 0: a free one
 * @throws CommandError
 */
export async function startScriptedService (port: number, env: NodeJS.ProcessEnv) {
  const service = await startTemporaryService('conformance', {
    LOG_LEVEL: 'silent', PORT: '0', DEFAULT_POLICY: JSON.stringify(POLICY), ...(env.CONTEXT_LEVELS !== undefined && { CONTEXT_LEVELS: env.CONTEXT_LEVELS }),
  })
  const dispatcher = new Agent()
  const { body: bundle } = await request(`${service.url}/v1/bundle`, { dispatcher })
  const { levels, salt } = await bundle.json() as { levels: Levels, salt: string }
  const exchanges: Exchange[] = []
  /** By key of each context that the worker has named: the threshold that is pinned there. */
  const pins = new Map<string, number | undefined>()
  let script: Script = {}
  let before: ReadonlySet<string> = new Set()
  let calls: Partial<Record<CallKind, { count: number, since: number }>> = {}

  const server = createServer((incoming, outgoing) => { relay(incoming, outgoing).catch(() => { outgoing.destroy() }) })
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    await service.close()
    throw new CommandError(`cannot listen on port ${port}: ${(error as Error).message}`, { cause: error })
  }

  async function relay (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = incoming
    const path = url.replace(/\?.*/, '')
    const payload = await buffer(incoming)
    const body = jsonOf(payload.toString())
    // Recorded at once, so that calls stay in the order in which the worker made them.
    const exchange: { -readonly [field in keyof Exchange]: Exchange[field] } = { method, path, body, served: null, reply: null }
    const failure = nextFailure(exchange)
    exchanges.push(exchange)
    for (const context of contextsOf(exchange)) await pin(contextKey(levels, context))
    if (failure !== null && failure !== 'hang' && failure !== 'lose') {
      exchange.reply = fail(outgoing, failure)
      return
    }
    const gone = new AbortController()
    outgoing.on('close', () => { gone.abort() })
    // A worker that goes away ends a long poll; other calls reach the service even if the worker has stopped waiting for the reply.
    const send = (sent: Buffer | string) => forward(method, url, incoming.headers, sent, method === 'GET' ? gone.signal : undefined)
    const drawn = await send(payload)
    const reply = script.treats === true && isForDecisions(path)
      ? asTreated(await send(JSON.stringify(treated(body))), drawn.text)
      : drawn
    exchange.served = { status: reply.status, body: jsonOf(reply.text) }
    if (failure !== null) {
      if (failure === 'hang') exchange.waitedMs = await hold(gone.signal)
      outgoing.destroy()
      return
    }
    if (!gone.signal.aborted) exchange.reply = exchange.served
    outgoing.writeHead(reply.status, reply.headers).end(reply.text)
  }

  function nextFailure (exchange: Exchange): Failure | null {
    const kind = kindOf(exchange.method, exchange.path)
    if (kind === null || (script.failsOwnReports && kind === 'report' && isOfBefore(exchange))) return null
    const now = performance.now()
    const earlier = calls[kind] ??= { count: 0, since: now }
    return script.failure?.(kind, earlier.count++, now - earlier.since) ?? null
  }

  /** Whether it reports only generations of earlier scripts. */
  function isOfBefore (exchange: Exchange): boolean {
    const generations = before.size === 0 ? [] : generationsOf([exchange])
    return generations.length > 0 && generations.every(({ id }) => before.has(id))
  }

  async function forward (method: string, url: string, headers: IncomingMessage['headers'], payload: Buffer | string, signal: AbortSignal | undefined) {
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)))
    const reply = await request(service.url + url, {
      dispatcher, method: method as 'GET', headers: kept, ...(payload.length > 0 && { body: payload }), ...(signal && { signal }), headersTimeout: 0,
    })
    const returned = Object.fromEntries(Object.entries(reply.headers).filter(([name]) => !HOP_BY_HOP.includes(name)))
    return { status: reply.statusCode, headers: returned, text: await reply.body.text() }
  }

  /** Makes the pin of a context the one of the script. */
  async function pin (key: string): Promise<void> {
    const { threshold } = script
    const isPinned = pins.get(key) === threshold
    pins.set(key, threshold)
    if (isPinned) return
    const path = `${service.url}/v1/contexts/${encodeURIComponent(key)}/pin`
    const reply = threshold === undefined
      ? await request(`${path}?reason=over`, { dispatcher, method: 'DELETE' })
      : await request(`${path}?create=true`, {
        dispatcher, method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ threshold, reason: 'conformance' }),
      })
    await reply.body.dump()
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    draws: { salt, labelRate: POLICY.label_rate },
    /** All calls so far. */
    exchanges: exchanges as readonly Exchange[],
    /**
     * Begins a script, in the contexts that have been seen and in new ones.
     * @param known generations of earlier scripts
     */
    async begin (next: Script, known: ReadonlySet<string> = new Set()): Promise<void> {
      script = next
      before = known
      calls = {}
      for (const key of pins.keys()) await pin(key)
    },
    async close (): Promise<void> {
      server.close()
      server.closeAllConnections()
      await dispatcher.destroy()
      await service.close()
    },
  }
}

function kindOf (method: string, path: string): CallKind | null {
  if (/^\/v1\/(?:decisions|bundle|enrolments)/.test(path)) return 'ask'
  return method === 'POST' && path.startsWith('/v1/outcomes') ? 'report' : null
}

/** Answers in the service's place. @returns the reply as far as it is one of HTTP */
function fail (outgoing: ServerResponse, failure: Exclude<Failure, 'hang' | 'lose'>): Exchange['reply'] {
  if (failure === 'close') {
    outgoing.destroy()
    return null
  }
  const { status, body, headers } = failure
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  return status < 300 ? null : { status, body: jsonOf(body) }
}

/** @returns how long the worker waited, ms */
async function hold (gone: AbortSignal): Promise<number> {
  const since = performance.now()
  await delay(HANG_MS, undefined, { signal: gone }).catch(() => {})
  return performance.now() - since
}

const isForDecisions = (path: string): boolean => path.startsWith('/v1/decisions')

/** A request for decisions whose steps have an arm. */
function treated (body: any): any {
  const withArm = (step: any) => ({ ...step, arm: step?.arm ?? 'treated' })
  return Array.isArray(body?.steps) ? { ...body, steps: body.steps.map(withArm) } : withArm(body)
}

/** The reply to such a request. Only the reply to a step without an arm has the rule of its context, so it comes from `drawn`. */
function asTreated<R extends { readonly text: string }> (reply: R, drawn: string): R {
  const [body, first] = [jsonOf(reply.text), jsonOf(drawn)]
  const withRule = (decision: any, other: any) => ({ ...decision, ...(other?.rule !== undefined && { rule: other.rule }) })
  const decisions = body?.decisions
  const merged = Array.isArray(decisions)
    ? { ...body, decisions: decisions.map((decision, i) => withRule(decision, first?.decisions?.[i])) }
    : withRule(body, first)
  return { ...reply, text: JSON.stringify(merged) }
}

function jsonOf (text: string): any {
  try { return JSON.parse(text) } catch { return undefined }
}
