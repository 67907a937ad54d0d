import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { createHostCheck, type HostCheck, isLoopback } from '../http/host-check.js'
import { ConfigError } from '../settings/environment.js'
import type { Label } from '../core/policy/index.js'
import { ClientAdmission } from './client-admission.js'
import { actionForm } from './dialects/forced-answer.js'
import { ListedModels, listModels } from './dialects/listed-models.js'
import { createDialects, detectDialect, UpstreamDialect } from './dialects/upstream-dialect.js'
import { throttledWarnings, warnOfContexts, warnOfDoubted, warnOfLevels, warnOfPassed } from './operator-warnings.js'
import { logFinding } from './probe-form/log-finding.js'
import { ProbeForms } from './probe-form/probe-forms.js'
import { clientTrust } from './protocol/client-trust.js'
import { type Golds, readGolds } from './protocol/golds.js'
import { openRoutes } from './protocol/open-routes.js'
import { createUpstream } from './protocol/upstream.js'
import { createProxyHandler } from './proxy-handler.js'
import { ProxyMetrics } from './proxy-metrics.js'
import { searchedTokens, statedForm, type ProxySettings } from './proxy-settings.js'
import { BundlePoll } from './service-link/bundle-poll.js'
import { EnrolmentSender } from './service-link/enrolment-sender.js'
import { LocalDecider } from './service-link/local-decider.js'
import { OutcomeReporter } from './service-link/outcome-reporter.js'
import { createServiceClient } from './service-link/service-calls.js'

/** Interval at which idle connections are closed while the proxy is closing, ms. */
const IDLE_MS = 50

/** Longest call that reports a probe form, ms. */
const FORM_CALL_MS = 5000

/** Interval at which the time limit for headers is checked, ms. */
const CHECK_MS = 1000

/** The log line about each label that is certified. */
const CERTIFIED: Readonly<Record<Label, string>> = {
  exact_match: 'exact match is certified, by the labels that it receives',
  agreement: "agreement with the model's own full answers is certified, without labels",
}

const WITHOUT_LABELS = 'this proxy has no labels, and without them little can be certified: give right answers with --gold, label later with stopgate grade, ' +
  'or set the label of the policy to agreement, so that the model\'s own full answers count as right'

/** Starts the proxy. @throws ConfigError where a port is not free */
export async function startProxy (settings: ProxySettings, log: Logger) {
  const warn = throttledWarnings(log)
  const golds: Golds = settings.PROXY_GOLD === '' ? new Map() : readGolds(settings.PROXY_GOLD)
  const trust = clientTrust(settings.PROXY_TRUST_CLIENTS === 'yes', settings.PROXY_CONTEXTS)
  log.info({ trust_clients: trust.isTrusted, contexts: settings.PROXY_CONTEXTS }, trust.isTrusted
    ? 'clients are trusted: whoever can send a request can state labels, groups and contexts, and so what is certified'
    : 'clients are not trusted: their labels, groups and contexts are left out, except contexts that --contexts names')
  const hosts = allowedHosts(settings.PROXY_ALLOWED_HOSTS)
  if (hosts?.length === 0 && !isLoopback(settings.PROXY_HOST)) log.warn({ host: settings.PROXY_HOST }, 'only clients on this machine are answered: state in --allowed-hosts the names by which others call the proxy')
  const upstream = createUpstream(settings.PROXY_UPSTREAM, {
    onRequest: (path) => { metrics.requested(path) },
    // llama.cpp closes the connection after a streamed reply without saying so, and a request that meets the close would be lost.
    reusesConnections: () => dialect.name !== 'auto' && dialect.name !== 'llama.cpp',
  })
  const service = createServiceClient(settings.PROXY_SERVICE, settings.STOPGATE_TOKEN)
  const { PROXY_PREFIX: prefix, PROXY_MAX_STALENESS_SECONDS: maxStalenessSeconds } = settings
  const onLabels = (certifies: readonly Label[]) => {
    log.info({ certifies }, certifies.map((label) => CERTIFIED[label]).join('; '))
    if (certifies.includes('exact_match') && golds.size === 0 && !trust.isTrusted) log.warn(WITHOUT_LABELS)
  }
  const poll = new BundlePoll(service, { prefix, maxStalenessSeconds, onProblem: warn, onLabels })
  const enrolments = new EnrolmentSender(service, warn)
  const onWarning = warnOfContexts((message) => { log.warn(message) })
  const reporter = new OutcomeReporter(service, { capacity: settings.PROXY_MAX_REPORTS, onProblem: warn, onWarning })
  /** Generations that may have a report to send, also after their reply. */
  const handling = new Set<Promise<void>>()
  const admission = new ClientAdmission(settings)
  let probing = 0
  const metrics = new ProxyMetrics({
    isCircuitOpen: () => poll.snapshot() === null,
    inFlight: () => admission.inFlight,
    heldBytes: () => admission.heldBytes,
    reports: () => ({ ...reporter.counts, waiting: reporter.waiting }),
    enrolled: () => enrolments.enrolled,
  })
  metrics.onFailedStop = ({ message }) => { warn(`a stop failed, and the reasoning went on: ${message}`) }
  metrics.onPassed = warnOfPassed((message) => { log.warn(message) })
  metrics.onDoubted = warnOfDoubted((message) => { log.warn(message) })
  metrics.onUnknownLevels = warnOfLevels((message) => { log.warn(message) })
  const maxProbeTokens = searchedTokens(settings)
  const decider = new LocalDecider(() => poll.snapshot(), enrolments)
  const forms = new ProbeForms({
    stated: statedForm(settings),
    inForce: (context) => decider.formInForce(context),
    maxTokens: maxProbeTokens,
    async report (context, finding) {
      await service.post('/v1/probe-forms', { context, finding }, FORM_CALL_MS).catch((error: Error) => { warn(`a probe form can't be reported: ${error.message}`) })
    },
  })
  const tags = { open: settings.PROXY_THINK_OPEN, close: settings.PROXY_THINK_CLOSE }
  const dialects = createDialects({ upstream, tags })
  const dialect = new UpstreamDialect(settings.PROXY_DIALECT, async (headers) => await detectDialect(upstream, headers))
  const handle = createProxyHandler({
    upstream,
    decider,
    forms,
    onFound: (finding) => { logFinding(log, finding) },
    metrics,
    dialects,
    dialect,
    actionForm: actionForm({ before: settings.PROXY_BEFORE_CLOSE, after: settings.PROXY_AFTER_CLOSE }),
    admission,
    hosts: createHostCheck(hosts),
    isOpenRoute: openRoutes(settings.PROXY_ROUTES),
    maxRequests: settings.PROXY_MAX_REQUESTS,
    maxBodyBytes: settings.PROXY_MAX_BODY_BYTES,
    bodyTimeoutMs: settings.PROXY_BODY_SECONDS * 1000,
    report: (outcome) => { reporter.put(outcome) },
    tags,
    mayProbe: () => probing < settings.PROXY_MAX_PROBES,
    onProbing: (change) => { probing += change },
    probeTimeoutMs: settings.PROXY_PROBE_TIMEOUT_MS,
    sendsPrompts: settings.PROXY_SEND_PROMPTS === 'yes',
    golds,
    trust,
    models: new ListedModels(async (headers) => await listModels(upstream, headers)),
    maxProbeTokens,
  })
  let isClosing = false
  const clientTimeoutMs = settings.PROXY_BODY_SECONDS * 1000
  const timeouts = { requestTimeout: 0, headersTimeout: clientTimeoutMs, connectionsCheckingInterval: CHECK_MS, keepAliveTimeout: 75_000 }
  const server = createServer(timeouts, (request, response) => {
    if (isClosing) response.setHeader('connection', 'close')
    request.socket.setNoDelay(true)
    closeIfUnread(response, clientTimeoutMs)
    const handled = handle(request, response).catch((error: Error) => {
      log.error({ err: error }, 'a request failed')
      response.destroy()
    }).finally(() => { handling.delete(handled) })
    handling.add(handled)
  })
  const admin = createAdminServer(metrics.registry, createHostCheck(isLoopback(settings.PROXY_ADMIN_HOST) ? [] : null), () => ({
    ready: !isClosing, // even while the service is away, since everything is passed through then
    circuit: poll.snapshot() === null ? 'open' : 'closed',
    problem: poll.problem,
    certifies: poll.certifies,
    upstream: settings.PROXY_UPSTREAM,
    dialect: dialect.name,
  }))
  const url = await listen(server, settings.PROXY_HOST, settings.PROXY_PORT, 'PROXY_PORT')
  const adminUrl = await listen(admin, settings.PROXY_ADMIN_HOST, settings.PROXY_ADMIN_PORT, 'PROXY_ADMIN_PORT').catch((error) => {
    server.close() // otherwise the process would go on, and serve
    throw error
  })
  const polling = poll.run()
  let closing: Promise<void> | undefined

  return {
    url,
    adminUrl,
    metrics,
    /** Lets requests in flight finish, sends the waiting reports, then ends. */
    async close (): Promise<void> { await (closing ??= close()) },
  }

  async function close () {
    isClosing = true
    const limitMs = 1000 * settings.PROXY_SHUTDOWN_SECONDS
    const since = performance.now()
    const closed = once(server, 'close')
    server.close()
    const idle = setInterval(() => { server.closeIdleConnections() }, IDLE_MS) // connections whose replies were under way
    await Promise.race([closed, setTimeout(0.8 * limitMs, undefined, { ref: false })])
    clearInterval(idle)
    server.closeAllConnections()
    const leftMs = Math.max(0, 0.85 * limitMs - (performance.now() - since))
    await Promise.race([Promise.all(handling), setTimeout(leftMs, undefined, { ref: false })])
    poll.close()
    await enrolments.close()
    await reporter.close(Math.max(100, 0.9 * limitMs - (performance.now() - since)))
    await service.close()
    await polling
    await upstream.close()
    admin.close()
    admin.closeAllConnections()
  }
}

/** Closes the connection of a client that does not read its reply; otherwise it would hold its place forever. */
function closeIfUnread (response: ServerResponse, timeoutMs: number): void {
  response.setTimeout(timeoutMs, () => { if ((response.socket?.writableLength ?? 0) > 0) response.socket?.destroy() })
}

/** `null`: any. The model server cannot check the host that a client names, since the proxy replaces it. */
function allowedHosts (names: string): readonly string[] | null {
  return names === '*' ? null : names.split(',').map((name) => name.trim()).filter((name) => name !== '')
}

async function listen (server: Server, host: string, port: number, setting: 'PROXY_PORT' | 'PROXY_ADMIN_PORT'): Promise<string> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new ConfigError(`${setting} ${port} on ${host}: ${(error as Error).message}`)
  }
  const { port: bound } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
}

/**
 * The proxy's own routes, on a port of their own: every path of the other port may be the upstream's.
 * @param hosts by which they may be called
 * @param readiness the reply of `GET /readyz`
 */
function createAdminServer (registry: Registry, hosts: Pick<HostCheck, 'isHostAllowed'>, readiness: () => { readonly ready: boolean }): Server {
  return createServer((request, response) => {
    const send = (status: number, type: string, body: string) => { response.writeHead(status, { 'content-type': type }).end(body) }
    if (!hosts.isHostAllowed(request.headers.host)) {
      send(403, 'application/json', '{"code":"HOST_NOT_ALLOWED","message":"use localhost, or set PROXY_ADMIN_HOST"}')
      return
    }
    switch (request.url) {
      case '/livez': send(200, 'application/json', '{"live":true}'); break
      case '/readyz': {
        const state = readiness()
        send(state.ready ? 200 : 503, 'application/json', JSON.stringify(state))
        break
      }
      case '/metrics':
        registry.metrics().then((text) => { send(200, registry.contentType, text) }, () => { send(500, 'text/plain', 'metrics failed') })
        break
      default: send(404, 'application/json', '{"code":"ROUTE_NOT_FOUND","message":"the routes are /livez, /readyz and /metrics"}')
    }
  })
}
