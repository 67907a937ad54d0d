import { pino, type Logger, type LoggerOptions } from 'pino'
import sonicBoom from 'sonic-boom'

/** Lines that wait for the reader of the log may take up this much, bytes. */
const MAX_WAITING = 8 * 2 ** 20
/** How long the end of the process, or a fatal line, waits for the reader, ms. */
const FLUSH_MS = 1000

/**
 * Creates a logger that writes JSON lines to standard output and never holds up the process. Lines wait while nobody reads them. Beyond
 * 8 MiB they are dropped, which a warning says once the reader has caught up. A process that ends waits a second for the reader. When the
 * reader is gone, the process goes on without a log. pino's own destination waits without limits, also at the end.
 */
export function createLog (options: LoggerOptions): Logger {
  let isGone = false
  let dropped = 0
  let retryUntil = Infinity
  // `process.stdout` makes writes to a pipe fail instead of block while the pipe is full.
  const lines = new sonicBoom.SonicBoom({
    fd: process.stdout.fd, maxLength: MAX_WAITING, retryEAGAIN: () => performance.now() < retryUntil,
  })
  const destination = { write: (line: string) => { if (!isGone) lines.write(line) }, flushSync }
  const log = pino(options, destination)
  lines.on('error', () => { isGone = true })
  lines.on('drop', () => { dropped++ })
  lines.on('drain', () => {
    const count = dropped
    dropped = 0
    if (count > 0) log.warn({ count }, 'log lines were dropped, since standard output was not read')
  })
  process.on('exit', flushSync)
  return log

  function flushSync (): void {
    if (isGone) return
    retryUntil = performance.now() + FLUSH_MS
    try {
      lines.flushSync()
    } catch { /* nobody reads: the lines are lost, which must not keep the process from ending */ }
    retryUntil = Infinity
  }
}
