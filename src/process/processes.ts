import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import { closeOnSignal } from './close-on-signal.js'
import { gatherMetrics } from '../metrics/gather-metrics.js'
import { closeOrphanedConnection } from './orphaned-connection.js'

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
  closeOnSignal(shutdownSeconds * 1000 + 1000, close)
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

const workers = (): Worker[] =>
  Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined && !worker.isDead()) as Worker[]
