import { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OverloadedError } from '../../errors/errors.js'
import { throttle } from '../../logging/log.js'
import type { CutCause } from '../metrics/metrics.js'

/** Requests are refused after waiting this long, ms: a constant, plus an allowance for each request served meanwhile, up to a limit. */
const MAX_WAIT_MS = 50
const ALLOWED_FOR_EACH_MS = 0.1
const MAX_CROWD_WAIT_MS = 200
/**
 * A turn of the event loop that starts within this time of the last recorded one counts as part of it, ms. Noticing the end of every turn
 * would cost as much as a decision.
 */
const TURN_MS = 5
/**
 * The longest wait for bodies up to a size, bytes. Such requests cost as much to refuse as to serve, and a refused client waits this long
 * anyway (Retry-After).
 */
const MAX_CHEAP_WAIT_MS = 1000
const CHEAP_BODY = 1024
/** Limit on the bodies in memory at once, bytes. Small bodies are always admitted. */
const MAX_BODIES = 256 * 1024 * 1024
const SMALL_BODY = 64 * 1024

declare module 'fastify' {
  interface FastifyRequest { isRefusedForLoad?: boolean }
}

/** Properties of a socket: the time of the last reply on it, and the bytes of its bodies in memory. */
const REPLIED_AT = Symbol('replied at')
const HELD = Symbol('held')
interface Timed extends Socket { [REPLIED_AT]?: number, [HELD]?: number }

export type Overload = ReturnType<typeof refuseOverload>

/**
 * Sheds load from workers and trainers. A turn of the event loop reads from every connection that has data, so a request waits for those
 * read before it in the same turn, but no longer than since the last reply on its connection. (A turn that finds more than a thousand
 * connections ready can go round all of them several times.) Requests that have waited too long are refused, if possible before their
 * bodies are parsed. The limits let a crowd of clients with a small request each be served, and cut a queue of costly requests short.
 * Operators, health checks and metrics are always served.
 * @param bodyLimit largest body, bytes
 */
export function refuseOverload (log: FastifyBaseLogger, bodyLimit: number) {
  let turnStart = -Infinity
  let isTurnOpen = false
  let served = 0 // requests since turnStart that were not refused
  let bodies = 0
  const closeTurn = () => { isTurnOpen = false }
  let refused = 0
  const report = throttle(() => {
    log.warn({ refused }, 'overloaded: requests were refused')
    refused = 0
  })

  function checkWait (request: FastifyRequest, now: number): void {
    const socket: Timed = request.raw.socket
    if (!(socket instanceof Socket)) return // requests of `inject` do not come in turns of the event loop
    if (!isTurnOpen && now - turnStart > TURN_MS) {
      isTurnOpen = true
      turnStart = now
      served = 0
      setImmediate(closeTurn)
    }
    const waitedMs = now - Math.max(turnStart, socket[REPLIED_AT] ?? 0)
    if (waitedMs > MAX_WAIT_MS && waitedMs > limitFor(request)) refuseWorker(request)
  }

  function limitFor (request: FastifyRequest): number {
    return bytesOf(request) <= CHEAP_BODY ? MAX_CHEAP_WAIT_MS : Math.min(MAX_WAIT_MS + ALLOWED_FOR_EACH_MS * served, MAX_CROWD_WAIT_MS)
  }

  function bytesOf ({ headers }: FastifyRequest): number {
    return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : bodyLimit
  }

  function admitBody (request: FastifyRequest, reply: FastifyReply): void {
    const bytes = bytesOf(request)
    if (bytes <= SMALL_BODY || bytes > bodyLimit) return // a body that is too large is never held in memory
    if (bodies + bytes > MAX_BODIES) refuseWorker(request)
    const socket: Timed = request.raw.socket
    if (socket[HELD] === undefined) socket.once('close', () => { free(socket, socket[HELD]!) })
    socket[HELD] = (socket[HELD] ?? 0) + bytes
    bodies += bytes
    reply.raw.once('close', () => { free(socket, bytes) })
  }

  /** Gives room back. Replies that wait behind another one do not close when their connection does. */
  function free (socket: Timed, bytes: number): void {
    const freed = Math.min(bytes, socket[HELD]!)
    socket[HELD]! -= freed
    bodies -= freed
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
      checkWait(request, now)
      admitBody(request, reply)
      served++
    },
    /** Called when the body has come, before it is parsed. @param now performance.now() @throws OverloadedError */
    check: checkWait,
    /** Called when a reply has been sent. @param now performance.now() */
    replied (socket: Timed, now: number) { socket[REPLIED_AT] = now },
  }
}

/** Limit on the requests of one connection that wait for their replies (HTTP/1.1 pipelining). */
const MOST = 32

/** Property of a socket: the number of its requests that wait for their replies. */
const WAITING = Symbol('waiting')
interface Counted extends Socket { [WAITING]?: number }

export type PipelineLimit = ReturnType<typeof limitPipelining>

/**
 * Closes connections that send too many requests without reading the replies. Node reads all requests of a packet, possibly a thousand, and
 * keeps each reply until its turn, so one connection could fill the memory. The listener's timeout closes connections that read nothing.
 */
export function limitPipelining (app: FastifyInstance, cut: (cause: CutCause) => void) {
  app.server.on('timeout', (socket: Counted) => { // idle connections time out as well, and are not counted
    if (socket[WAITING]) cut('unread')
    socket.destroy()
  })
  return {
    /** Counts a request. Returns false if it exceeds the limit: the connection is then destroyed, and no reply must be sent. */
    enter (socket: Counted) {
      const count = (socket[WAITING] ?? 0) + 1
      if (count > MOST) {
        if (!socket.destroyed) cut('pipelined') // further requests of the same packet still come
        socket.destroy()
        return false
      }
      socket[WAITING] = count
      return true
    },
    /** Counts a reply. */
    leave (socket: Counted) {
      if (socket[WAITING]) socket[WAITING]--
    },
  }
}
