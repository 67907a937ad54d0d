import { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OverloadedError } from '../errors.js'
import { seldom } from '../seldom.js'

/** How long requests of one turn of the event loop may keep those behind them waiting, ms. */
const MAX_TURN_MS = 50
/** Bodies that may be in memory at once, bytes; those that are small are let in all the same. */
const MAX_BODIES = 256 * 1024 * 1024
const SMALL_BODY = 64 * 1024

declare module 'fastify' {
  interface FastifyRequest { isRefusedForLoad: boolean }
}

/** @throws OverloadedError where the request has waited for too long already, and is a worker's */
export type CheckOverload = (request: FastifyRequest) => void

/**
 * Refuses what comes from workers while more of it has come than can be answered in time. A turn of the event loop reads from every
 * connection that has sent something, so what a request waits for is what was read before it in its turn: the later ones of a turn that
 * takes long are refused, if possible before their bodies are parsed, and those that are served have waited for about one such turn.
 * Operators, health and metrics are always let in.
 * @param bodyLimit most that a body takes up, bytes
 * @returns what also checks a request whose body has come in, before it is parsed
 */
export function refuseOverload (app: FastifyInstance, bodyLimit: number): CheckOverload {
  let turnStart = 0
  let isTurnOpen = false
  let bodies = 0
  const closeTurn = () => { isTurnOpen = false }
  const log = refusalLog(app)

  function check (request: FastifyRequest): void {
    if (!(request.raw.socket instanceof Socket)) return // injected: these do not take turns
    if (!isTurnOpen) {
      isTurnOpen = true
      turnStart = performance.now()
      setImmediate(closeTurn)
    } else if (performance.now() - turnStart > MAX_TURN_MS) refuseWorker(request)
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
    const { role } = request.routeOptions.config
    if (role !== 'worker' && role !== 'trainer') return
    request.isRefusedForLoad = true
    log()
    throw new OverloadedError()
  }

  app.decorateRequest('isRefusedForLoad', false)
  app.addHook('onRequest', (request, reply, done) => {
    try {
      check(request)
      admitBody(request, reply)
      done()
    } catch (error) {
      done(error as Error)
    }
  })
  return check
}

function refusalLog ({ log }: FastifyInstance): () => void {
  let refused = 0
  const tell = seldom(() => {
    log.warn({ refused }, 'overloaded: more comes in than can be answered in time')
    refused = 0
  })
  return () => {
    refused++
    tell()
  }
}
