import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Overload } from './overload.js'
import type { PipelineLimit } from './pipeline-limit.js'
import { RequestLog } from './request-log.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The `routeOptions`, of which Fastify makes another object each time it is asked for them. */
    route: FastifyRequest['routeOptions']
  }
}

export interface LifecycleOptions {
  /** Above the logs of the requests. */
  readonly log: FastifyBaseLogger
  readonly pipelines: PipelineLimit
  readonly overload: Overload
  /** Called once an answer is out. @param ms since the request came */
  readonly answered: (request: FastifyRequest, reply: FastifyReply, ms: number) => void
}

/**
 * Is there when a request comes and when its answer is out, for all that has to do with every request: by one hook before any other, and
 * one listener. Fastify given a log checks that of each request anew, and puts two listeners on each reply that it takes off again.
 * @returns what attends to a request that no hook hears of
 */
export function trackRequests (
  app: FastifyInstance, { log, pipelines, overload, answered }: LifecycleOptions
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
    reply.raw.on('finish', () => {
      pipelines.leave(socket)
      answered(request, reply, performance.now() - now)
    })
    try {
      overload.admit(request, reply, now)
    } catch (error) {
      return done(error as Error)
    }
    done()
  })

  function begin (request: FastifyRequest, reply: FastifyReply): number {
    request.log = reply.log = new RequestLog(log, request.id)
    request.route = request.routeOptions
    return performance.now()
  }

  return (request, reply) => {
    const now = begin(request, reply)
    reply.raw.on('finish', () => { answered(request, reply, performance.now() - now) })
  }
}
