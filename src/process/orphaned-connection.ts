import type { Worker } from 'node:cluster'

/** A connection of the cluster module. Closing it twice does no harm. */
interface Handle { readonly close: () => void }
/** A message of the cluster module: it hands over a connection (`act`) or acknowledges one (`ack`). */
interface Internal { readonly act?: string, readonly ack?: number }
type Send = (message: Internal, handle?: Handle, ...more: unknown[]) => boolean

/**
 * Closes the connection that was being handed to a worker when the worker ended. The cluster module would wait for the acknowledgement
 * forever and keep the connection open, and so would the client. A worker is handed one connection at a time. There is no public interface
 * for this, so the function listens to the module's messages. The `disconnect` event does not help: Node does not emit it while it waits
 * for an acknowledgement. `SCHED_NONE` hands over nothing, but gave up to 31 of 32 long-lived connections to one of two workers.
 */
export function closeOrphanedConnection ({ process: child }: Worker): void {
  let handed: Handle | undefined
  const send = child.send.bind(child) as Send
  const sendAndNote: Send = (message, handle, ...more) => {
    if (message.act === 'newconn') handed = handle
    return send(message, handle, ...more)
  }
  child.send = sendAndNote as typeof child.send
  // Runs before the module's own listener, which hands over the next connection.
  child.prependListener('internalMessage', ({ ack }: Internal) => { if (ack !== undefined) handed = undefined })
  child.once('close', () => { handed?.close() })
}
