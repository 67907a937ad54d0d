import cluster from 'node:cluster'
import closeWithGrace from 'close-with-grace'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const

/**
 * Time in which repeated signals count as one, ms. A single Ctrl-C can arrive several times: through the process group, and passed on by
 * npm or the parent. A cluster worker ignores all repeats: its primary process receives them too, and workers end with it.
 */
const SAME_MS = cluster.isWorker ? Infinity : 1000

interface CloseCause { readonly signal: NodeJS.Signals | undefined, readonly err: Error | undefined }

/**
 * Closes the service on a signal or an uncaught error, then ends the process, with exit code 0 after a signal. A second signal ends the
 * process at once with exit code 1.
 * @param delayMs time limit for closing, after which the process ends with exit code 1
 * @returns a function that removes the handlers
 */
export function closeOnSignal (delayMs: number, close: (why: CloseCause) => Promise<void>): () => void {
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
