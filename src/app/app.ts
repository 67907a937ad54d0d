import swagger from '@fastify/swagger'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { documentOptions } from '../../openapi/document.js'
import { serializerCompiler, validatorCompiler } from '../../openapi/validation.js'
import { bundleRoutes, enrolmentsRoutes, probeFormsRoutes } from '../../routes/bundle-routes.js'
import { contextsRoutes } from '../../routes/contexts-routes.js'
import { decisionsRoutes, generationsRoutes } from '../../routes/decisions-routes.js'
import { eventsRoutes } from '../../routes/events-routes.js'
import { auditRoutes, fleetRoutes, pauseRoutes, storeLossRoutes } from '../../routes/fleet-routes.js'
import { savingsRoutes } from '../../routes/savings-routes.js'
import { healthRoutes, metricsRoutes } from '../../routes/health-routes.js'
import { labelsRoutes, outcomesRoutes } from '../../routes/outcomes-routes.js'
import { docsRoutes, pageRoutes } from '../../routes/page-routes.js'
import { predictorsRoutes } from '../../routes/predictors-routes.js'
import type { Services } from '../../routes/services.js'
import { snapshotRoutes } from '../../routes/snapshot-routes.js'
import { trainingRunsRoutes } from '../../routes/training-runs-routes.js'
import { errorBody, type InputError, InternalError, RouteNotFoundError } from '../errors/errors.js'
import { guard } from '../service/access/guard.js'
import { clientErrorHandler, methodNotAllowed, toPublicError } from '../service/http/http-errors.js'
import { readJsonBodies } from '../service/http/json.js'
import type { Identity } from '../service/http/listener-tls.js'
import { takeTurns } from '../service/http/operator-turns.js'
import { limitPipelining, refuseOverload } from '../service/http/overload.js'
import { logCutConnections, trackRequests } from '../service/http/request-lifecycle.js'
import type { Telemetry } from '../service/telemetry/telemetry.js'

/** Largest body of a route that states no `bodyLimit`: routes that take one item need a few KiB. */
const BODY_LIMIT = 64 * 1024
/** Time within which a request must arrive in full, and a new connection must start its first one. */
const REQUEST_TIMEOUT_MS = 30_000
/** Interval at which that time is checked. */
const CHECK_MS = 1000
/** Time without traffic after which a connection is closed, such as one whose client does not read. Longer than a long poll waits. */
const SILENCE_MS = 90_000
/** Limits on reading the rest of a body that is too large before it is refused: time, and bytes. */
const DRAIN_MS = 5000
const DRAIN_LIMIT = 64 * 1024 * 1024
const RETRY_AFTER_SECONDS = 1
/** Routes that write so often that they are logged at debug, as all reads are, since the page polls. */
const HOT = new Set(['/v1/decisions', '/v1/decisions/batch', '/v1/enrolments', '/v1/outcomes', '/v1/outcomes/batch'])
const DEBUG_LEVELS = new Set(['debug', 'trace'])
/** Request ids from clients that are safe to log. */
const REQUEST_ID = /^[\w.:-]{1,128}$/
const NO_QUERY = { type: 'object', additionalProperties: false, properties: {} }
/** Where Fastify looks for the name of a plugin. Without it, Fastify searches all loaded modules for each plugin, which takes 10 ms. */
const DISPLAY_NAME = Symbol.for('fastify.display-name')

interface AppOptions {
  /** `null`: plain HTTP. */
  readonly https?: Identity | null
  /** `null`: no traces. */
  readonly telemetry?: Pick<Telemetry, 'instrument'> | null
}

/** The Fastify app: routes, OpenAPI document, errors, request log. */
export function createApp (
  services: Services, log: FastifyBaseLogger, { https = null, telemetry = null }: AppOptions = {}): FastifyInstance {
  let requests = 0
  const cut = logCutConnections(log, () => services.metrics)
  const isDebugging = DEBUG_LEVELS.has(log.level)

  function answered (request: FastifyRequest, { statusCode }: FastifyReply, ms: number): void {
    const { url: route = 'none' } = request.route
    if (!request.isLongPoll) services.metrics.requestSeconds.observe(ms / 1000, request.method, route, statusCode)
    const level = statusCode >= 500 && !request.isRefusedForLoad ? 'error' : HOT.has(route) || (isRead(request) && statusCode < 400) ? 'debug' : 'info'
    if (level === 'debug' && !isDebugging) return
    request.log[level]({ method: request.method, route, status_code: statusCode, ms, token: request.tokenName }, 'answered')
  }

  const app = Fastify({
    ...listenerOptions(https),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: SILENCE_MS,
    return503OnClosing: false, // its body would have Fastify's format, and connections close before the services do
    logController: new LogController({ disableRequestLogging: true }),
    clientErrorHandler: clientErrorHandler(cut, REQUEST_TIMEOUT_MS),
    frameworkErrors (error, request, reply) {
      track(request, reply)
      answerError(error, request, reply)
    },
    requestIdHeader: false,
    genReqId (request) {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : `req-${++requests}`
    },
    routerOptions: { maxParamLength: 4096 },
  })
  app.server.keepAliveTimeout = 0 // connectionTimeout closes idle connections too; a second timeout costs each request two timers
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(answerError)
  telemetry?.instrument(app)
  const overload = refuseOverload(log)
  const track = trackRequests(app, { log, isDebugging, pipelines: limitPipelining(app, cut), overload, answered })
  guard(app, () => services.access, () => services.metrics)
  takeTurns(app)
  readJsonBodies(app, overload)
  methodNotAllowed(app)
  app.setNotFoundHandler((request) => {
    throw new RouteNotFoundError(request.method, request.url.slice(0, 200))
  })
  // Operator routes refuse unknown query parameters: a dry_run that is ignored would do harm.
  app.addHook('onRoute', ({ config, schema }) => {
    if (config?.role === 'operator' && schema !== undefined) schema.querystring ??= NO_QUERY
  })

  app.register(swagger, documentOptions)
  const all = [
    decisionsRoutes, bundleRoutes, enrolmentsRoutes, probeFormsRoutes, outcomesRoutes, labelsRoutes, generationsRoutes,
    contextsRoutes, fleetRoutes, savingsRoutes, eventsRoutes, pauseRoutes, storeLossRoutes, auditRoutes, snapshotRoutes, predictorsRoutes,
    trainingRunsRoutes, healthRoutes, metricsRoutes, docsRoutes, pageRoutes,
  ]
  for (const routes of all) app.register(Object.assign(routes, { [DISPLAY_NAME]: routes.name }), services)
  return app
}

function isRead ({ method }: FastifyRequest): boolean { return method === 'GET' || method === 'HEAD' }

/** Options for node:http or node:https. TLS changes the type of the app, but nothing for the routes. */
function listenerOptions (https: Identity | null): { http: object } {
  const timeouts = { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_MS }
  if (https === null) return { http: timeouts }
  return { https: { ...https, ...timeouts, handshakeTimeout: REQUEST_TIMEOUT_MS } } as unknown as { http: object }
}

async function answerError (error: InputError, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (error.code === 'BODY_TOO_LARGE') await drain(request)
  const answer = toPublicError(error, request.id)
  if (answer instanceof InternalError) request.log.error({ err: error }, 'request failed')
  const { statusCode = 500 } = answer
  const retryAfter = answer.retryAfterSeconds ?? (statusCode === 503 ? RETRY_AFTER_SECONDS : undefined)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  return reply.code(statusCode).type('application/json; charset=utf-8').send(errorBody(answer))
}

/** Reads the rest of a body up to a limit, since a client that is disconnected while it sends never reads the reply. */
async function drain ({ raw }: FastifyRequest): Promise<void> {
  if (raw.readableEnded || raw.destroyed) return
  let bytes = 0
  let timer: NodeJS.Timeout | undefined
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS)
    raw.on('data', (chunk: Buffer) => { if ((bytes += chunk.length) > DRAIN_LIMIT) resolve() })
    for (const event of ['end', 'close', 'error']) raw.once(event, () => resolve())
    raw.resume()
  })
  clearTimeout(timer)
}
