import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Bindings, ChildLoggerOptions } from 'pino'
import { throttle } from '../../logging/log.js'
import type { CutCause, Metrics } from '../metrics/metrics.js'
import type { Overload, PipelineLimit } from './overload.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The `routeOptions`. Fastify's own getter creates a new object at every access. */
    route: FastifyRequest['routeOptions']
    /** Whether the client asked to wait: the time of such a request says nothing about the service. */
    isLongPoll?: boolean
  }
}

interface LifecycleOptions {
  /** Parent of the logs of requests. */
  readonly log: FastifyBaseLogger
  readonly pipelines: PipelineLimit
  readonly overload: Overload
  /** Whether the log takes lines at debug or below. */
  readonly isDebugging: boolean
  /** Called when a reply has ended. @param ms since the request came */
  readonly answered: (request: FastifyRequest, reply: FastifyReply, ms: number) => void
}

/**
 * Does what every request needs at its start and its end, with one hook before all others and one listener. Fastify's own logging costs
 * more: it validates the logger of each request, and adds two listeners to each reply.
 * @returns a function that tracks a request for which Fastify runs no hooks
 */
export function trackRequests (
  app: FastifyInstance, { log, isDebugging, pipelines, overload, answered }: LifecycleOptions
): (request: FastifyRequest, reply: FastifyReply) => void {
  app.log = log
  app.decorateRequest('route')
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    if (!pipelines.enter(socket)) {
      reply.hijack()
      return
    }
    const now = begin(request, reply)
    atEnd(reply, () => {
      const end = performance.now()
      pipelines.leave(socket)
      overload.replied(request, end)
      answered(request, reply, end - now)
    })
    try {
      overload.admit(request, now)
    } catch (error) {
      return done(error as Error)
    }
    done()
  })

  function begin (request: FastifyRequest, reply: FastifyReply): number {
    request.log = reply.log = new RequestLog(log, isDebugging, request.id)
    request.route = request.routeOptions
    return performance.now()
  }

  return (request, reply) => {
    const now = begin(request, reply)
    atEnd(reply, () => { answered(request, reply, performance.now() - now) })
  }
}

/**
 * Calls back when a reply has ended. It listens to `close`: with a second listener to `finish`, Node would keep an array of them, which V8
 * frees only in full collections, with all that the request holds.
 */
function atEnd ({ raw }: FastifyReply, ended: () => void): void {
  raw.on('close', () => { if (raw.writableEnded) ended() }) // otherwise the client left before `end` was called
}

type Method = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
interface Levelled extends FastifyBaseLogger { isLevelEnabled?: (level: string) => boolean }

/**
 * The log of a request, created on first use. Most requests log nothing, and creating a child logger costs more than a decision.
 */
export class RequestLog {
  readonly #parent: Levelled
  readonly #isDebugging: boolean
  readonly #requestId: string
  #child: FastifyBaseLogger | null = null

  /** @param isDebugging whether the parent logs at debug or below, which every decision asks */
  constructor (parent: FastifyBaseLogger, isDebugging: boolean, requestId: string) {
    this.#parent = parent
    this.#isDebugging = isDebugging
    this.#requestId = requestId
  }

  get level (): string { return this.#parent.level }

  isLevelEnabled (level: string): boolean { return this.#parent.isLevelEnabled?.(level) ?? true }

  child (bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger { return this.#made().child(bindings, options) }

  fatal (...args: unknown[]): void { this.#log('fatal', args) }
  error (...args: unknown[]): void { this.#log('error', args) }
  warn (...args: unknown[]): void { this.#log('warn', args) }
  info (...args: unknown[]): void { this.#log('info', args) }
  debug (...args: unknown[]): void { if (this.#isDebugging) this.#log('debug', args) }
  trace (...args: unknown[]): void { this.#log('trace', args) }
  silent (): void {}

  #log (method: Method, args: unknown[]): void {
    if (this.isLevelEnabled(method)) (this.#made()[method] as (...args: unknown[]) => void)(...args)
  }

  #made (): FastifyBaseLogger {
    this.#child ??= this.#parent.child({ reqId: this.#requestId })
    return this.#child
  }
}

/** Counts and logs connections that the service closes because of a fault of the client. */
export function logCutConnections (log: FastifyBaseLogger, metrics: () => Pick<Metrics, 'cut'>): (cause: CutCause) => void {
  let counts: Partial<Record<CutCause, number>> = {}
  const report = throttle(() => {
    log.warn({ cut: counts }, 'connections were closed because of the behaviour of clients')
    counts = {}
  })
  return (cause) => {
    metrics().cut.inc({ cause })
    counts[cause] = (counts[cause] ?? 0) + 1
    report()
  }
}
