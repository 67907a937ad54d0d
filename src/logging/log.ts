import type { FastifyBaseLogger } from 'fastify'
import { type Logger, type LoggerOptions, pino } from 'pino'
import sonicBoom from 'sonic-boom'

/** Limit of the lines that have not been read yet. */
const MAX_WAITING_BYTES = 8 * 2 ** 20
/** How long the end of the process, or a fatal line, waits for the reader, ms. */
const FLUSH_MS = 1000

/** Time for a write that another thread has begun to end before the process is killed, ms. */
const IN_FLIGHT_MS = 50

const logs: Array<{ readonly lines: { sync?: boolean }, readonly flush: () => void }> = []
process.on('exit', flushLogs)

function flushLogs (): void { for (const { flush } of logs) flush() }

/**
 * Logs a line before the process is killed, and flushes all logs of the process. A line that is written by libuv's threads, as others are,
 * would be lost.
 */
export function logLastLine (log: Pick<FastifyBaseLogger, 'fatal'>, fields: object, text: string): void {
  for (const { lines } of logs) lines.sync = true
  log.fatal(fields, text)
  flushLogs()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, IN_FLIGHT_MS)
}

/**
 * Creates a logger that writes JSON lines to standard output. While standard output does not take them, lines wait up to a limit, and
 * further ones are dropped, which a line says once it does. A process that ends, or logs a fatal line, waits for the reader at most a
 * second; pino's own destination waits without limits. When the reader is gone, the process goes on without a log.
 */
export function createLog (options: LoggerOptions): Logger {
  let isGone = false
  let dropped = 0
  let retryUntil = Infinity
  // `process.stdout` makes writes to a pipe fail instead of block while the pipe is full.
  const lines = new sonicBoom.SonicBoom({
    fd: process.stdout.fd, maxLength: MAX_WAITING_BYTES, retryEAGAIN: () => performance.now() < retryUntil,
  })
  const destination = { write: (line: string) => { if (!isGone) lines.write(line) }, flushSync }
  const log = pino({ timestamp: pino.stdTimeFunctions.isoTime, ...options }, destination)
  lines.on('error', ({ code }: NodeJS.ErrnoException) => { isGone = code === 'EPIPE' }) // after another error, the next line tries again
  lines.on('drop', () => {
    dropped++
    lines.write('') // tries again to write those that wait, which a line that is dropped does not
  })
  lines.on('drain', () => {
    const count = dropped
    dropped = 0
    if (count > 0) log.error({ count }, 'log lines were dropped because standard output did not take them')
  })
  logs.push({ lines: lines as { sync?: boolean }, flush: flushSync })
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

/** Kinds of stored data that are left out if they are unreadable. */
export const CORRUPTIBLE = ['entry', 'ledger', 'pending', 'cohorts', 'samples', 'predictors', 'audit', 'history', 'runs'] as const
export type Corrupted = typeof CORRUPTIBLE[number]

/** Logs and counts unreadable items. @param more further fields of the log line */
export type ReportCorruption = (what: Corrupted, count: number, more?: object) => void

/** @param onDamage called as well if there is any item */
export function corruptionReporter (log: FastifyBaseLogger, onDamage: (what: Corrupted, count: number) => void): ReportCorruption {
  return (what, count, more = {}) => {
    if (count === 0) return
    log.error({ what, count, ...more }, 'some items in the store are unreadable and were left out')
    onDamage(what, count)
  }
}

/**
 * Throttles reports of events: the first event is reported at once, and those that follow within `everyMs` are reported together at the end
 * of that time.
 * @param report reports the events since the last report
 * @param everyMs default 1,000
 * @returns a function to call for each event
 */
export function throttle (report: () => void, everyMs = 1000): () => void {
  let reportedAt = -Infinity
  let timer: NodeJS.Timeout | undefined
  const run = () => {
    timer = undefined
    reportedAt = performance.now()
    report()
  }
  return () => {
    if (timer !== undefined) return
    const leftMs = reportedAt + everyMs - performance.now()
    if (leftMs <= 0) run(); else timer = setTimeout(run, leftMs).unref()
  }
}
