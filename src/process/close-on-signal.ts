import cluster from 'node:cluster'
import closeWithGrace from 'close-with-grace'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const

/**
 * One Ctrl-C may come several times: to the whole process group, and passed on by npm or the process that started this one, ms. A process
 * that shares its port is ended by the end of the one that started it, which is told of later signals too.
 */
const SAME_MS = cluster.isWorker ? Infinity : 1000

export interface Why { readonly signal: NodeJS.Signals | undefined, readonly err: Error | undefined }

/**
 * Closes in order at a signal or an error that nobody caught, and ends the process, with 0 after a signal. A signal that comes later than
 * the first was sent by somebody who will not wait, and ends it at once with 1.
 * @param delayMs after which it ends anyhow, with 1
 * @returns takes it back
 */
export function closeOnSignal (delayMs: number, close: (why: Why) => Promise<void>): () => void {
  let first: NodeJS.Signals | undefined
  let firstAt = 0
  const grace = closeWithGrace({ delay: delayMs, logger: false, skip: [...SIGNALS] }, ({ err }) => close({ signal: first, err }))
  const take = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = signal
      firstAt = performance.now()
      grace.close()
    } else if (performance.now() - firstAt > SAME_MS) process.exit(1)
  }
  for (const signal of SIGNALS) process.on(signal, take)
  return () => {
    for (const signal of SIGNALS) process.off(signal, take)
    grace.uninstall()
  }
}
