import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { CutCause } from './cut-log.js'

/** Requests that may wait for their replies on one connection: HTTP/1.1 lets clients send more before they have read the last. */
const MOST = 32

/**
 * Cuts off who sends more and more without waiting: Node reads all that is in one packet, a thousand small requests, and keeps every reply
 * until its turn, so that one connection could fill the memory. Who takes nothing of its replies is cut off by the listener's timeout.
 */
export function boundPipelines (app: FastifyInstance, cut: (cause: CutCause) => void): void {
  const waiting = new WeakMap<object, number>()
  app.addHook('onRequest', ({ raw: { socket } }, reply, done) => {
    const count = (waiting.get(socket) ?? 0) + 1
    if (count > MOST) {
      if (!socket.destroyed) cut('pipelined') // the rest of the packet comes all the same
      reply.hijack()
      socket.destroy()
      return
    }
    waiting.set(socket, count)
    reply.raw.once('close', () => { waiting.set(socket, waiting.get(socket)! - 1) })
    done()
  })
  app.server.on('timeout', (socket: Socket) => { // also of connections that are idle between requests, which is no fault
    if (waiting.get(socket)) cut('unread')
    socket.destroy()
  })
}
