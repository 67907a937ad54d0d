import type { FastifyBaseLogger } from 'fastify'
import type { Metrics } from '../metrics/metrics.js'
import { seldom } from '../seldom.js'

/** Why a client's connection was cut off. */
export const CUT_CAUSES = ['pipelined', 'unread', 'timeout', 'headers', 'malformed'] as const
export type CutCause = typeof CUT_CAUSES[number]

/** Counts the clients that are cut off, and says so in the log. */
export function cutLog (log: FastifyBaseLogger, metrics: () => Pick<Metrics, 'cut'>): (cause: CutCause) => void {
  let counts: Partial<Record<CutCause, number>> = {}
  const tell = seldom(() => {
    log.warn({ cut: counts }, 'clients were cut off')
    counts = {}
  })
  return (cause) => {
    metrics().cut.inc({ cause })
    counts[cause] = (counts[cause] ?? 0) + 1
    tell()
  }
}
