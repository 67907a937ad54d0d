import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { CutCause } from '../metrics/metrics.js'

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
