import { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import { OverloadedError } from '../../errors/errors.js'
import { BodyAdmission, type BodyTicket } from '../../http/body-admission.js'
import { throttle } from '../../logging/log.js'
import { ANONYMOUS } from '../access/tokens.js'
import type { CutCause } from '../metrics/metrics.js'

/** Requests are refused after waiting this long, ms: a constant, plus an allowance for each request served meanwhile, up to a limit. */
const MAX_WAIT_MS = 50
const ALLOWANCE_PER_REQUEST_MS = 0.1
const MAX_CROWD_WAIT_MS = 200
/**
 * A turn of the event loop that starts within this time of the last recorded one counts as part of it, ms. Noticing the end of every turn
 * would cost as much as a decision.
 */
const TURN_MS = 5
/**
 * The longest wait of requests with small bodies. They cost as much to refuse as to serve, and a refused client waits this long anyway
 * (Retry-After).
 */
const MAX_CHEAP_WAIT_MS = 1000
const CHEAP_BODY_BYTES = 1024
/** Limit on the bodies in memory at once, and the part of it that one token may have. */
const MAX_HELD_BYTES = 256 * 1024 * 1024
const TOKEN_SHARE = 0.25

declare module 'fastify' {
  interface FastifyRequest {
    isRefusedForLoad?: boolean
    /** The part of its body in the total; absent while the body is small. */
    heldBody?: { readonly ticket: BodyTicket, readonly release: () => void }
  }
}

/** Property of a socket: the time of the last reply on it. */
const REPLIED_AT = Symbol('replied at')
interface Timed extends Socket { [REPLIED_AT]?: number }

export type Overload = ReturnType<typeof refuseOverload>

/**
 * Sheds load from workers and trainers. A turn of the event loop reads from every connection that has data, so a request waits for those
 * read before it in the same turn. Its wait is measured from the start of the turn or, if that is later, from the last reply on its
 * connection, since a turn that finds more than a thousand connections ready can go round all of them several times. Requests that have
 * waited too long are refused, if possible before their bodies are parsed. The limits are wide enough to serve a crowd of clients with a
 * small request each, and cut a queue of costly requests short. Operators, health checks and metrics are always served.
 */
export function refuseOverload (log: FastifyBaseLogger) {
  let turnStart = -Infinity
  let isTurnOpen = false
  let served = 0 // requests since turnStart that were not refused
  const bodies = new BodyAdmission({ totalBytes: MAX_HELD_BYTES, share: TOKEN_SHARE })
  const ticketsBySocket = new WeakMap<Socket, Set<BodyTicket>>()
  const closeTurn = () => { isTurnOpen = false }
  let refused = 0
  const report = throttle(() => {
    log.warn({ refused }, 'overloaded: requests were refused')
    refused = 0
  })

  function checkWait (request: FastifyRequest, now: number): void {
    const socket: Timed = request.raw.socket
    if (!(socket instanceof Socket)) return // requests of `inject` are not read in turns of the event loop
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
    if (bytesOf(request) <= CHEAP_BODY_BYTES) return MAX_CHEAP_WAIT_MS
    return Math.min(MAX_WAIT_MS + ALLOWANCE_PER_REQUEST_MS * served, MAX_CROWD_WAIT_MS)
  }

  function bytesOf ({ headers }: FastifyRequest): number {
    return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity
  }

  /** Counts the arrived bytes of a body until its reply has ended. */
  function hold (request: FastifyRequest, arrivedBytes: number): void {
    const { tokenName, raw: { socket } } = request
    request.heldBody ??= open(tokenName === ANONYMOUS ? null : tokenName, socket)
    if (request.heldBody.ticket.grow(arrivedBytes, !isSheddable(request)) !== null) refuseWorker(request)
  }

  function open (holder: string | null, socket: Socket) {
    const ticket = bodies.open(holder)
    const tickets = ticketsBySocket.get(socket) ?? releaseWith(socket)
    tickets.add(ticket)
    const release = () => {
      tickets.delete(ticket)
      ticket.release()
    }
    return { ticket, release }
  }

  /** Replies that wait behind another one emit no `close` with their connection, so the connection is listened to, once for all. */
  function releaseWith (socket: Socket): Set<BodyTicket> {
    const tickets = new Set<BodyTicket>()
    ticketsBySocket.set(socket, tickets)
    socket.once('close', () => { for (const ticket of tickets) ticket.release() })
    return tickets
  }

  function refuseWorker (request: FastifyRequest): void {
    if (!isSheddable(request)) return
    request.isRefusedForLoad = true
    refused++
    report()
    throw new OverloadedError()
  }

  return {
    /** Called when the headers of a request have arrived. @param now performance.now() @throws OverloadedError */
    admit (request: FastifyRequest, now: number) {
      checkWait(request, now)
      served++
    },
    /** Called while a large body arrives, before it has ended. @throws OverloadedError */
    hold,
    /** Called when the body has arrived, before it is parsed. @param now performance.now() @throws OverloadedError */
    check: checkWait,
    /** Called when a reply has been sent, or its client is gone. @param now performance.now() */
    replied ({ raw: { socket }, heldBody }: FastifyRequest, now: number) {
      (socket as Timed)[REPLIED_AT] = now
      heldBody?.release()
    },
  }
}

/** Whether a request may be refused for load: those of workers and trainers may, those of operators and probes never. */
function isSheddable (request: FastifyRequest): boolean {
  const { role } = request.route.config
  return role === 'worker' || role === 'trainer'
}

/** Limit on the requests of one connection that wait for their replies (HTTP/1.1 pipelining). */
const MAX_PIPELINED = 32

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
      if (count > MAX_PIPELINED) {
        if (!socket.destroyed) cut('pipelined') // the other requests of the same packet still arrive
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
