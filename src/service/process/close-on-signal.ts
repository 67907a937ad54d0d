import cluster from 'node:cluster'
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger } from 'fastify'
import { logLastLine } from '../../logging/log.js'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const

/**
 * Signals by which the kernel ends a process after a fault. A handler would return to the instruction that failed, which fails again: a
 * damaged page of LMDB then kept the process in an endless loop, in which it heard no other signal.
 */
const FAULTS = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGTRAP'] as const

/**
 * Time in which repeated signals count as one, ms. A single Ctrl-C can arrive several times: through the process group, and passed on by
 * npm or the parent. A cluster worker ignores all repeats: its primary process receives them too, and workers end with it.
 */
const SAME_MS = cluster.isWorker ? Infinity : 1000

interface CloseCause { readonly signal: NodeJS.Signals | undefined, readonly err: Error | undefined }

interface CloseOptions {
  /** Time limit for closing, ms. */
  readonly delayMs: number
  /** Takes the reason if the process ends before everything is closed. */
  readonly log: Pick<FastifyBaseLogger, 'fatal'>
}

/**
 * Closes the service on a signal or an uncaught error, then ends the process, with exit code 0 after a signal. On a second signal, at the
 * time limit, or if closing fails, the process ends at once.
 * @returns a function that removes the handlers
 */
export function closeOnSignal ({ delayMs, log }: CloseOptions, close: (why: CloseCause) => Promise<void>): () => void {
  let first: NodeJS.Signals | undefined
  let firstAt = 0
  const end = (reason: string, err?: Error) => {
    logLastLine(log, { reason, ...(err && { err }) }, 'the process ends before everything is closed')
    endAtOnce()
  }
  const grace = closeWithGrace({
    delay: delayMs,
    logger: false,
    skip: [...SIGNALS, ...FAULTS],
    onTimeout: () => { end(`closing took longer than ${delayMs / 1000} s`) },
    onSecondError: (err) => { end('an error while closing', err as Error) },
  }, async ({ err }) => {
    try {
      await close({ signal: first, err })
    } catch (error) {
      end('closing failed', error as Error)
    }
  })
  const take = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = signal
      firstAt = performance.now()
      grace.close()
    } else if (performance.now() - firstAt > SAME_MS) end(`a second signal: ${signal}`)
  }
  for (const signal of SIGNALS) process.on(signal, take)
  return () => {
    for (const signal of SIGNALS) process.off(signal, take)
    grace.uninstall()
  }
}

/**
 * Ends the process with SIGKILL, which no thread can delay. `process.exit` joins all threads first: LMDB's writer,
 * which may wait for this thread or for the lock of another process, and a learner that hangs.
 */
function endAtOnce (): never {
  process.kill(process.pid, 'SIGKILL')
  process.abort() // the first process of a container ignores its own SIGKILL
}
