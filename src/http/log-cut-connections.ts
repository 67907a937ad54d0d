import type { FastifyBaseLogger } from 'fastify'
import type { CutCause, Metrics } from '../metrics/metrics.js'
import { throttle } from '../logging/throttle.js'

/** Counts and logs connections that the service closes because of what the client did. */
export function cutLog (log: FastifyBaseLogger, metrics: () => Pick<Metrics, 'cut'>): (cause: CutCause) => void {
  let counts: Partial<Record<CutCause, number>> = {}
  const report = throttle(() => {
    log.warn({ cut: counts }, 'connections were closed because of what the clients did')
    counts = {}
  })
  return (cause) => {
    metrics().cut.inc({ cause })
    counts[cause] = (counts[cause] ?? 0) + 1
    report()
  }
}
