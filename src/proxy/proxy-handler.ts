import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { ProbeForm } from '../core/decide/index.js'
import type { Context } from '../core/policy/index.js'
import type { HostCheck } from '../http/host-check.js'
import type { ClientAdmission } from './client-admission.js'
import { type BodyProblem, hasBody, onClosed, passThrough, readBody, refuse, refuseAsUnreachable, relay } from './client-http.js'
import { closeTextOf, DialectError, type Dialect, type DialectName, type EngineRun } from './dialects/dialect.js'
import type { ListedModels } from './dialects/listed-models.js'
import type { UpstreamDialect } from './dialects/upstream-dialect.js'
import { jsonReply, replyHeaders, streamReply, type ClientReply } from './generation/client-reply.js'
import { ProxiedGeneration, SampleFailedError, type GenerationDependencies } from './generation/generation.js'
import { sampleReplies } from './generation/sample-replies.js'
import { believed, type ClientTrust } from './protocol/client-trust.js'
import { isBrokenOff } from './protocol/broken-reply.js'
import { isJsonObject } from './protocol/json.js'
import { headerValue, withOwnRequestId } from './protocol/raw-headers.js'
import { goldOf, type Golds } from './protocol/golds.js'
import { readStoppableRequest, samplesOf, stopsInClosing, unknownField, type PassCause, type RequestBody, type CompletionRoute, type StoppableRequest } from './protocol/stoppable-request.js'
import { fitText, HeaderError, MAX_NAME_BYTES, readStopgateHeaders } from './protocol/stopgate-headers.js'
import type { OpenRoutes } from './protocol/open-routes.js'
import type { Upstream } from './protocol/upstream.js'
import type { ProbeForms } from './probe-form/probe-forms.js'
import type { ProxyMetrics } from './proxy-metrics.js'
import type { LocalDecider, LocalGeneration, StartResult } from './service-link/local-decider.js'

const ROUTES: ReadonlyMap<string, CompletionRoute> = new Map([['/v1/chat/completions', 'chat'], ['/v1/completions', 'completions']])

/** Says more about a request with so many samples that it could never be admitted. */
const OVER_LIMIT = 'more than PROXY_MAX_REQUESTS or a client\'s share admits'

/** A request whose generations have started in the decider, but not yet in the engine. */
interface StartedRequest {
  readonly request: StoppableRequest
  readonly samples: readonly StartedSample[]
  readonly levels: Pick<StartResult, 'knownLevels' | 'unknownLevels'>
  readonly form: ProbeForm | null
  readonly dialect: Dialect
}

interface StartedSample { readonly request: StoppableRequest, readonly local: LocalGeneration }

/** Why a request is passed through, with what says more about it. */
interface Pass { readonly cause: PassCause, readonly detail?: string | null }

interface HandlerDependencies extends Omit<GenerationDependencies, 'decider' | 'metrics' | 'forms'> {
  readonly forms: ProbeForms
  readonly upstream: Upstream
  readonly decider: LocalDecider
  readonly metrics: ProxyMetrics
  readonly admission: ClientAdmission
  readonly hosts: Pick<HostCheck, 'isHostAllowed'>
  readonly isOpenRoute: OpenRoutes
  readonly trust: ClientTrust
  readonly models: ListedModels
  /** The operator's right answers, which precede those of clients. */
  readonly golds: Golds
  readonly maxRequests: number
  readonly maxBodyBytes: number
  /** Time in which a request body must arrive, ms. */
  readonly bodyTimeoutMs: number
  readonly dialects: Readonly<Record<DialectName, Dialect>>
  readonly dialect: UpstreamDialect
  /** How tool calls and structured output are forced. */
  readonly actionForm: ProbeForm
}

/** Answers a request of a client: serves a generation, or passes the request through. */
export function createProxyHandler (
  dependencies: HandlerDependencies): (message: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { upstream, decider, metrics, admission, hosts, trust, maxRequests, maxBodyBytes, bodyTimeoutMs, dialects } = dependencies

  /** Starts the generation of a request, or says why the request is passed through. */
  async function start (message: IncomingMessage, route: CompletionRoute, body: Buffer): Promise<StartedRequest | Pass> {
    const { headers, rawHeaders, url = '' } = message
    try {
      const stopgateHeaders = readStopgateHeaders(headers)
      if (stopgateHeaders.isOff) return { cause: 'off' }
      const parsed = headers['content-encoding'] === undefined ? parseBody(body) : null
      if (parsed === null) return { cause: 'body' }
      const { headers: stated, doubted } = believed(stopgateHeaders, trust)
      if (doubted.length > 0) metrics.onDoubted(doubted)
      const gold = goldOf(dependencies.golds, parsed) ?? stated.gold
      const read = readStoppableRequest(route, url, parsed, { ...stated, gold }, Date.now(), trust.mayName)
      if (typeof read === 'string') return { cause: read, detail: read === 'unknown_field' ? unknownField(route, parsed) : null }
      const request = { ...read, context: await contextOf(read, rawHeaders) }
      if (!admission.mayServe(message, request.choices)) return { cause: 'several_samples', detail: OVER_LIMIT }
      const refusal = decider.refusal(request.context)
      if (refusal !== null) return { cause: refusal }
      const { generation, ...levels } = decider.start(request)
      const samples = samplesOf(request, generation.id).map((request, i) => ({
        request, local: { ...generation, group: request.group, id: i === 0 ? generation.id : `${generation.id}-${i}` },
      }))
      const form = request.isAction ? dependencies.actionForm : dependencies.forms.formFor(generation.context)
      const name = await dependencies.dialect.find(rawHeaders)
      if (name === null) return { cause: 'not_ready' }
      const dialect = dialects[name]
      const closing = form === null ? dependencies.tags.close : closeTextOf(form, dependencies.tags)
      const cause = dialect.refusal(request) ?? (stopsInClosing(request.body, closing) ? 'closing' : null)
      return cause === null ? { request, samples, levels, form, dialect } : { cause, detail: name }
    } catch (error) {
      if (error instanceof HeaderError) return { cause: 'header', detail: error.message }
      throw error
    }
  }

  /** The context of a request, with a name of its model that its client may use. */
  async function contextOf ({ context, model }: StoppableRequest, rawHeaders: readonly string[]): Promise<Context> {
    if (trust.mayName('model', model)) return context
    const { model: _, ...others } = context
    const listed = await dependencies.models.find(model, rawHeaders)
    return listed === null ? others : { ...others, model: fitText(listed, MAX_NAME_BYTES) }
  }

  async function serve (
    started: StartedRequest, rawHeaders: readonly string[], response: ServerResponse, clientGone: AbortSignal): Promise<void> {
    const { request, samples, levels, form, dialect } = started
    const failed = new AbortController() // of one sample, which ends the others
    const failSamples = () => { failed.abort(new SampleFailedError()) }
    // A signal for each sample, since many listeners of one signal look like a leak.
    const signals = samples.map(() => request.choices === 1 ? clientGone : AbortSignal.any([clientGone, failed.signal]))
    const runs = await Promise.all(samples.map(async ({ request, local }, i) => {
      const headers = i === 0 ? rawHeaders : withOwnRequestId(rawHeaders)
      return await dialect.start(request, headers, signals[i]!, form === null ? Infinity : decider.nextCheck(local, 0))
    })).catch((error) => {
      failSamples()
      throw error
    })
    const refused = runs.find(({ reply: { status, headers } }) =>
      status !== 200 || !/^text\/event-stream/.test(headerValue(headers, 'content-type') ?? ''))
    if (refused !== undefined) {
      for (const run of runs) if (run !== refused) run.abort()
      await relay(refused.reply, response, clientGone)
      return
    }
    if (levels.unknownLevels.length > 0) metrics.unknownLevels(levels.unknownLevels, levels.knownLevels)
    const replies = repliesOf(request, response, samples[0]!.local.id, runs[0]!, failSamples)
    await Promise.all(samples.map(async ({ request, local }, i) => {
      const [run, reply, gone] = [runs[i]!, replies[i]!, signals[i]!]
      await new ProxiedGeneration({ request, run, local, form, reply, dependencies, clientGone: gone }).serve()
    }))
  }

  /** Refuses the pages of other sites, which can give their own name the address of this machine (DNS rebinding). */
  function refuseIfForeign ({ headers: { host } }: IncomingMessage, response: ServerResponse): boolean {
    if (hosts.isHostAllowed(host)) return false
    metrics.refused()
    refuse(response, 403, `the host ${JSON.stringify(host?.slice(0, 100))} is not one of this machine: use localhost, or name it in PROXY_ALLOWED_HOSTS`, 'host_not_allowed')
    return true
  }

  /** @param generations that the request adds */
  function refuseIfFull (message: IncomingMessage, response: ServerResponse, generations = 1): boolean {
    const isFull = admission.isFull(message, generations)
    if (isFull) {
      metrics.refused()
      refuse(response, 503, `more than ${maxRequests} requests and samples are in flight (PROXY_MAX_REQUESTS), or this client has its share`, 'too_many_requests')
    }
    return isFull
  }

  function refuseBody (response: ServerResponse, problem: BodyProblem): void {
    if (problem === 'gone') return
    metrics.refused()
    if (problem === 'late') refuse(response, 408, `the body did not arrive within ${bodyTimeoutMs / 1000} s (PROXY_BODY_SECONDS)`, 'request_timeout')
    else if (problem === 'costly') refuse(response, 400, 'the body has too many levels, or too many arrays and objects', 'body_too_complex')
    else refuse(response, 503, 'the bodies of requests take up too much memory (PROXY_MAX_HELD_MIB)', 'too_many_requests')
  }

  return async function handle (message, response) {
    const since = performance.now()
    const gone = new AbortController()
    const { signal } = gone
    onClosed(message, response, () => {
      if (response.writableFinished) return
      if (!isBrokenOff(response)) metrics.aborted('client')
      gone.abort()
    })
    if (refuseIfForeign(message, response) || refuseIfFull(message, response)) return
    const pass = async ({ cause, detail = null }: Pass, body: Readable | Buffer | null) => {
      metrics.passed(cause, detail)
      await passThrough(upstream, message, response, body, signal)
    }
    message.url = originForm(message.url)
    if (mayLeave(message.url)) {
      refuse(response, 400, 'the path has a part that leads to a parent, such as "..": name the route itself', 'path_not_allowed')
      return
    }
    if (!dependencies.isOpenRoute(message.method!, message.url)) {
      refuse(response, 404, `the proxy does not pass ${message.method} ${message.url.slice(0, 100)} on: an operator can open the route with --routes (PROXY_ROUTES)`, 'route_not_open')
      return
    }
    const route = message.method === 'POST' ? routeOf(message.url) : undefined
    const ticket = admission.openBody(message, response)
    const body = hasBody(message)
      ? await readBody(message, { maxBytes: maxBodyBytes, timeoutMs: bodyTimeoutMs, ticket, isParsed: route !== undefined })
      : null
    if (typeof body === 'string') { refuseBody(response, body); return }
    if (signal.aborted || refuseIfFull(message, response)) return
    admission.enter(message, response)
    if (route === undefined) { await pass({ cause: 'route' }, body); return }
    if (!Buffer.isBuffer(body)) { await pass({ cause: 'body' }, body); return }
    const started = await start(message, route, body)
    if ('cause' in started) { await pass(started, body); return }
    const further = started.samples.length - 1 // the first sample is the request itself
    if (further > 0) {
      if (refuseIfFull(message, response, further)) return
      admission.enter(message, response, further)
    }
    metrics.opened(since)
    try {
      await serve(started, message.rawHeaders, response, signal)
    } catch (error) {
      if (signal.aborted || response.headersSent) response.destroy()
      else if (error instanceof DialectError) await pass({ cause: error.passCause, detail: error.message }, body)
      else refuseAsUnreachable(response, error as Error)
    }
  }
}

/** The replies to the samples of a request. @param run of the first one */
function repliesOf (
  request: StoppableRequest, response: ServerResponse, id: string, run: EngineRun, onFailed: () => void): readonly ClientReply[] {
  const headers = replyHeaders(run.reply.headers, id, request.isStream ? 'text/event-stream; charset=utf-8' : 'application/json')
  if (request.choices > 1) return sampleReplies({ request, response, headers, format: run, onFailed })
  return [request.isStream ? streamReply(request, response, headers) : jsonReply(request, response, headers, run)]
}

/** The target without scheme and host, which clients send to proxies (RFC 9112, section 3.2.2). */
function originForm (url = '/'): string {
  if (url.startsWith('/') || !URL.canParse(url)) return url
  const { pathname, search } = new URL(url)
  return pathname + search
}

/**
 * Whether a target may lead out of the path of the model server's address, for a gateway in between that resolves it: no slash at its
 * beginning, or a part that is `.` or `..`, in any spelling.
 */
function mayLeave (url: string): boolean {
  return !url.startsWith('/') || url.replace(/[?#].*/s, '').split(/[/\\]|%2f|%5c/i).some((part) => /^(?:\.|%2e){1,2}(?:;|$)/i.test(part))
}

function routeOf (url = ''): CompletionRoute | undefined {
  return ROUTES.get(url.replace(/\?.*/s, ''))
}

/** `null`: it is no JSON object. */
function parseBody (body: Buffer): RequestBody | null {
  try {
    const parsed: unknown = JSON.parse(body.toString())
    return isJsonObject(parsed) ? parsed : null
  } catch { return null }
}
