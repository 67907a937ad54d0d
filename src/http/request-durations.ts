import type { Series } from '../metrics/durations.js'
import type { Metrics } from '../metrics/metrics.js'

/** Observes request durations. Nested maps find the series of a request without building a key. */
export function watchRequests (metrics: () => Metrics): (method: string, route: string, statusCode: number, seconds: number) => void {
  const byRoute = new Map<string, Map<string, Map<number, Series>>>()
  return (method, route, status_code, seconds) => {
    let byMethod = byRoute.get(route)
    if (byMethod === undefined) byRoute.set(route, byMethod = new Map())
    let byStatus = byMethod.get(method)
    if (byStatus === undefined) byMethod.set(method, byStatus = new Map())
    let series = byStatus.get(status_code)
    if (series === undefined) byStatus.set(status_code, series = metrics().requestSeconds.series({ method, route, status_code }))
    series.observe(seconds)
  }
}
