import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Overload } from './overload.js'
import type { PipelineLimit } from './pipeline-limit.js'
import { RequestLog } from './request-log.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The `routeOptions`. Fastify's own getter creates a new object at every access. */
    route: FastifyRequest['routeOptions']
    /** Whether the client asked to wait: the time of such a request says nothing about the service. */
    isLongPoll?: boolean
  }
}

export interface LifecycleOptions {
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
      overload.replied(socket, end)
      answered(request, reply, end - now)
    })
    try {
      overload.admit(request, reply, now)
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
  raw.on('close', () => { if (raw.writableEnded) ended() }) // else the client left before `end` was called
}
