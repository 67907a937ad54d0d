import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { Logger } from 'pino'
import type { PauseMessage } from '../admin/pause.js'
import type { Config } from '../config/config.js'
import { gatherMetrics } from '../metrics/shared-metrics.js'
import { closeOnSignal } from './close-on-signal.js'

/** Delay before a failed process is started again, ms. */
const RESTART_MS = 1000

/** Starts the service in several processes behind one port, and restarts those that end. Resolves once all of them listen. */
export async function startProcesses (
  { processes, shutdownSeconds }: Pick<Config, 'processes' | 'shutdownSeconds'>, log: Logger): Promise<void> {
  cluster.setupPrimary({ serialization: 'advanced' }) // metrics contain Infinity, which JSON cannot represent
  let isClosing = false
  let isServing = false
  const metrics = gatherMetrics()
  cluster.on('listening', metrics.joined)
  cluster.on('message', metrics.heard)
  sharePause()
  cluster.on('fork', closeOrphanedConnection)
  const ended = new Promise<number>((resolve) => {
    cluster.on('exit', ({ id, process: { pid } }, code, signal) => {
      metrics.left(id)
      if (isClosing) return
      if (!isServing) { resolve(code ?? 1); return } // its own log has the reason
      log.error({ worker: id, ended: pid, code, signal }, 'a process ended unexpectedly and is started again')
      setTimeout(() => { if (!isClosing) cluster.fork() }, RESTART_MS)
    })
  })
  closeOnSignal({ delayMs: shutdownSeconds * 1000 + 1000, log }, close)
  const listening = Array.from({ length: processes }, () => once(cluster.fork(), 'listening'))
  const code = await Promise.race([Promise.all(listening), ended])
  if (typeof code === 'number') {
    await close()
    process.exit(code)
  }
  isServing = true
  log.info({ processes }, 'all processes are listening')

  async function close (): Promise<void> {
    isClosing = true
    await Promise.all(workers().map(async (worker) => {
      const gone = once(worker, 'exit')
      worker.process.kill('SIGTERM')
      await gone
    }))
  }
}

/** Passes on a pause of stopping, or its end, from the process that an operator reached to the others, also to those that start later. */
function sharePause (): void {
  let last: PauseMessage | null = null
  const pass = (worker: Worker, message: PauseMessage) => { worker.send(message, () => {}) } // it may just have ended
  cluster.on('message', (from: Worker, message: Partial<PauseMessage>) => {
    if (message.pause === undefined) return
    last = { pause: message.pause }
    for (const worker of workers()) if (worker.id !== from.id) pass(worker, last)
  })
  cluster.on('listening', (worker) => { if (last !== null) pass(worker, last) })
}

const workers = (): Worker[] =>
  Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined && !worker.isDead()) as Worker[]

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
