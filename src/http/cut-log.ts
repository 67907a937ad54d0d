import type { FastifyBaseLogger } from 'fastify'
import type { Metrics } from '../metrics/metrics.js'
import { throttle } from '../logging/throttle.js'
import type { CutCause } from '../metrics/cut-causes.js'

/** Counts the clients that are cut off, and says so in the log. */
export function cutLog (log: FastifyBaseLogger, metrics: () => Pick<Metrics, 'cut'>): (cause: CutCause) => void {
  let counts: Partial<Record<CutCause, number>> = {}
  const tell = throttle(() => {
    log.warn({ cut: counts }, 'clients were cut off')
    counts = {}
  })
  return (cause) => {
    metrics().cut.inc({ cause })
    counts[cause] = (counts[cause] ?? 0) + 1
    tell()
  }
}
