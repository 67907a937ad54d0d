import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { CutCause } from './cut-log.js'

/** Requests that may wait for their replies on one connection: HTTP/1.1 lets clients send more before they have read the last. */
const MOST = 32

/** How many requests of a connection wait for their replies. */
const WAITING = Symbol('waiting')
interface Counted extends Socket { [WAITING]?: number }

/**
 * Cuts off who sends more and more without waiting: Node reads all that is in one packet, a thousand small requests, and keeps every reply
 * until its turn, so that one connection could fill the memory. Who takes nothing of its replies is cut off by the listener's timeout.
 */
export function boundPipelines (app: FastifyInstance, cut: (cause: CutCause) => void): void {
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const socket: Counted = raw.socket
    const count = (socket[WAITING] ?? 0) + 1
    if (count > MOST) {
      if (!socket.destroyed) cut('pipelined') // the rest of the packet comes all the same
      reply.hijack()
      socket.destroy()
      return
    }
    socket[WAITING] = count
    done()
  })
  app.addHook('onResponse', ({ raw }, _reply, done) => { // or the connection is gone
    const socket: Counted = raw.socket
    if (socket[WAITING]) socket[WAITING]--
    done()
  })
  app.server.on('timeout', (socket: Counted) => { // also of connections that are idle between requests, which is no fault
    if (socket[WAITING]) cut('unread')
    socket.destroy()
  })
}
