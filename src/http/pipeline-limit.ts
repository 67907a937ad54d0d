import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { CutCause } from '../metrics/cut-causes.js'

/** Requests that may wait for their replies on one connection: HTTP/1.1 lets clients send more before they have read the last. */
const MOST = 32

/** How many requests of a connection wait for their replies. */
const WAITING = Symbol('waiting')
interface Counted extends Socket { [WAITING]?: number }

/** The requests of a connection that wait for their replies, counted. */
export interface PipelineLimit {
  /** One more; false where that is too many: the connection is destroyed, and nothing is to be answered. */
  readonly enter: (socket: Socket) => boolean
  /** One is answered. */
  readonly leave: (socket: Socket) => void
}

/**
 * Cuts off who sends more and more without waiting: Node reads all that is in one packet, a thousand small requests, and keeps every reply
 * until its turn, so that one connection could fill the memory. Who takes nothing of its replies is cut off by the listener's timeout.
 */
export function limitPipelining (app: FastifyInstance, cut: (cause: CutCause) => void): PipelineLimit {
  app.server.on('timeout', (socket: Counted) => { // also of connections that are idle between requests, which is no fault
    if (socket[WAITING]) cut('unread')
    socket.destroy()
  })
  return {
    enter (socket: Counted) {
      const count = (socket[WAITING] ?? 0) + 1
      if (count > MOST) {
        if (!socket.destroyed) cut('pipelined') // the rest of the packet comes all the same
        socket.destroy()
        return false
      }
      socket[WAITING] = count
      return true
    },
    leave (socket: Counted) {
      if (socket[WAITING]) socket[WAITING]--
    },
  }
}
