import { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { OverloadedError } from '../errors/errors.js'
import { throttle } from '../logging/throttle.js'

/** How long requests of one turn of the event loop may keep those behind them waiting, ms. */
const MAX_TURN_MS = 50
/** Bodies that may be in memory at once, bytes; those that are small are let in all the same. */
const MAX_BODIES = 256 * 1024 * 1024
const SMALL_BODY = 64 * 1024

declare module 'fastify' {
  interface FastifyRequest { isRefusedForLoad?: boolean }
}

/** What is asked of each request; both throw OverloadedError where it is a worker's and there is no time or room for it. */
export interface Overload {
  /** One that has come, its body not yet. @param now performance.now() */
  readonly admit: (request: FastifyRequest, reply: FastifyReply, now: number) => void
  /** One whose body has come in, before that is parsed. */
  readonly check: (request: FastifyRequest) => void
}

/**
 * Refuses what comes from workers while more of it has come than can be answered in time. A turn of the event loop reads from every
 * connection that has sent something, so what a request waits for is what was read before it in its turn: the later ones of a turn that
 * takes long are refused, if possible before their bodies are parsed, and those that are served have waited for about one such turn.
 * Operators, health and metrics are always let in.
 * @param bodyLimit most that a body takes up, bytes
 */
export function refuseOverload (log: FastifyBaseLogger, bodyLimit: number): Overload {
  let turnStart = 0
  let isTurnOpen = false
  let bodies = 0
  const closeTurn = () => { isTurnOpen = false }
  const tell = refusalLog(log)

  function checkTurn (request: FastifyRequest, now: number): void {
    if (!(request.raw.socket instanceof Socket)) return // injected: these do not take turns
    if (!isTurnOpen) {
      isTurnOpen = true
      turnStart = now
      setImmediate(closeTurn)
    } else if (now - turnStart > MAX_TURN_MS) refuseWorker(request)
  }

  function admitBody (request: FastifyRequest, reply: FastifyReply): void {
    const { 'transfer-encoding': encoding, 'content-length': length = 0 } = request.headers
    const bytes = encoding === undefined ? Number(length) : bodyLimit
    if (bytes <= SMALL_BODY || bytes > bodyLimit) return // too large a one is not taken into memory
    if (bodies + bytes > MAX_BODIES) refuseWorker(request)
    bodies += bytes
    reply.raw.once('close', () => { bodies -= bytes }) // answered, or cut off
  }

  function refuseWorker (request: FastifyRequest): void {
    const { role } = request.route.config
    if (role !== 'worker' && role !== 'trainer') return
    request.isRefusedForLoad = true
    tell()
    throw new OverloadedError()
  }

  return {
    admit (request, reply, now) {
      checkTurn(request, now)
      admitBody(request, reply)
    },
    check: (request) => { checkTurn(request, performance.now()) },
  }
}

function refusalLog (log: FastifyBaseLogger): () => void {
  let refused = 0
  const tell = throttle(() => {
    log.warn({ refused }, 'overloaded: more comes in than can be answered in time')
    refused = 0
  })
  return () => {
    refused++
    tell()
  }
}
