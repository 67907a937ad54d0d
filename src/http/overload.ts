import { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { OverloadedError } from '../errors/errors.js'
import { throttle } from '../logging/throttle.js'

/** How long requests read in one turn of the event loop may make later ones of that turn wait, ms. */
const MAX_TURN_MS = 50
/** Limit on the bodies in memory at once, bytes. Small bodies are always admitted. */
const MAX_BODIES = 256 * 1024 * 1024
const SMALL_BODY = 64 * 1024

declare module 'fastify' {
  interface FastifyRequest { isRefusedForLoad?: boolean }
}

export type Overload = ReturnType<typeof refuseOverload>

/**
 * Sheds load from workers and trainers. A turn of the event loop reads from every connection that has data, so a request waits for those
 * read before it in the same turn. In a turn that takes too long, the later requests are refused, if possible before their bodies are
 * parsed. Requests that are served have therefore waited for about one such turn. Operators, health checks and metrics are always served.
 * @param bodyLimit largest body, bytes
 */
export function refuseOverload (log: FastifyBaseLogger, bodyLimit: number) {
  let turnStart = 0
  let isTurnOpen = false
  let bodies = 0
  const closeTurn = () => { isTurnOpen = false }
  let refused = 0
  const report = throttle(() => {
    log.warn({ refused }, 'overloaded: requests were refused')
    refused = 0
  })

  function checkTurn (request: FastifyRequest, now: number): void {
    if (!(request.raw.socket instanceof Socket)) return // requests of `inject` do not come in turns of the event loop
    if (!isTurnOpen) {
      isTurnOpen = true
      turnStart = now
      setImmediate(closeTurn)
    } else if (now - turnStart > MAX_TURN_MS) refuseWorker(request)
  }

  function admitBody (request: FastifyRequest, reply: FastifyReply): void {
    const { 'transfer-encoding': encoding, 'content-length': length = 0 } = request.headers
    const bytes = encoding === undefined ? Number(length) : bodyLimit
    if (bytes <= SMALL_BODY || bytes > bodyLimit) return // a body that is too large is never held in memory
    if (bodies + bytes > MAX_BODIES) refuseWorker(request)
    bodies += bytes
    reply.raw.once('close', () => { bodies -= bytes })
  }

  function refuseWorker (request: FastifyRequest): void {
    const { role } = request.route.config
    if (role !== 'worker' && role !== 'trainer') return
    request.isRefusedForLoad = true
    refused++
    report()
    throw new OverloadedError()
  }

  return {
    /** Called when a request has come, before its body. @param now performance.now() @throws OverloadedError */
    admit (request: FastifyRequest, reply: FastifyReply, now: number) {
      checkTurn(request, now)
      admitBody(request, reply)
    },
    /** Called when the body has come, before it is parsed. @throws OverloadedError */
    check: (request: FastifyRequest) => { checkTurn(request, performance.now()) },
  }
}
