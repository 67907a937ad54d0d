import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Calls `listener` once, when the reply has ended or the client has gone. Node tells the latter only to the first of the replies that a
 * connection waits for (HTTP/1.1 pipelining), so the connection is listened to as well.
 */
export function onClosed ({ socket }: IncomingMessage, response: ServerResponse, listener: () => void): void {
  const closed = (): void => {
    socket.off('close', closed)
    response.off('close', closed)
    listener()
  }
  socket.setMaxListeners(0) // a connection may bring many requests at once
  socket.once('close', closed)
  response.once('close', closed)
}
