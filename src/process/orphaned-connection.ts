import type { Worker } from 'node:cluster'

/** A connection as the cluster module has it; closing it twice does nothing. */
interface Handle { readonly close: () => void }
/** Of the cluster module: a connection is handed over (`act`), or was taken (`ack`). */
interface Internal { readonly act?: string, readonly ack?: number }
type Send = (message: Internal, handle?: Handle, ...more: unknown[]) => boolean

/**
 * Closes the connection that a process was being handed when it ended: the cluster module waits for its answer for ever and keeps it open,
 * and so would its client wait. A process is handed one at a time. No interface tells of it, so the module's messages are listened to.
 * Not on `disconnect`: Node leaves that out where it waits for an answer. Letting processes accept by themselves (`SCHED_NONE`) hands over
 * nothing, but of 32 connections that stay open it gave up to 31 to one of two processes.
 */
export function closeOrphanedConnection ({ process: child }: Worker): void {
  let handed: Handle | undefined
  const send = child.send.bind(child) as Send
  const sendAndNote: Send = (message, handle, ...more) => {
    if (message.act === 'newconn') handed = handle
    return send(message, handle, ...more)
  }
  child.send = sendAndNote as typeof child.send
  // Before the module hears of it, which then hands over the next.
  child.prependListener('internalMessage', ({ ack }: Internal) => { if (ack !== undefined) handed = undefined })
  child.once('close', () => { handed?.close() })
}
