import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import { AggregationTemporality, DataPointType, millisToHrTime, ValueType, type MetricData } from '#open-telemetry'

type Values = MetricObjectWithValues<MetricValue<string> & { metricName?: string }>
type Labels = Readonly<Record<string, string | number | undefined>>

/**
 * The metrics of the registry in the form of OpenTelemetry, under the same names, so that dashboards and alerts hold for both.
 * @param startedAt when counting began, and `now`, ms since 1970
 */
export function metricData (metrics: readonly Values[], startedAt: number, now: number): MetricData[] {
  const times = { startTime: millisToHrTime(startedAt), endTime: millisToHrTime(now) }
  return metrics.filter(({ values }) => values.length > 0).map((metric): MetricData => {
    const { name, help, values } = metric
    const common = {
      descriptor: { name, description: help, unit: name.endsWith('_seconds') ? 's' : '', valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
    }
    const type = String(metric.type)
    if (type === 'histogram') return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms(name, values).map((point) => ({ ...times, ...point })) }
    const dataPoints = values.map(({ labels, value }) => ({ ...times, attributes: attributesOf(labels), value }))
    if (type === 'counter') return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    return { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
  })
}

interface Histogram {
  readonly attributes: Record<string, string>
  readonly boundaries: number[]
  readonly cumulated: number[]
  sum: number
}

/** Prometheus counts cumulatively up to each bound, OpenTelemetry counts each bucket by itself. */
function histograms (name: string, values: Values['values']) {
  const series = new Map<string, Histogram>()
  for (const { labels, value, metricName } of values) {
    const { le, ...rest } = labels as Labels
    const attributes = attributesOf(rest)
    const key = JSON.stringify(attributes)
    const known: Histogram = series.get(key) ?? { attributes, boundaries: [], cumulated: [], sum: 0 }
    series.set(key, known)
    if (metricName === `${name}_sum`) known.sum = value
    if (metricName !== `${name}_bucket`) continue
    known.cumulated.push(value)
    if (le !== '+Inf') known.boundaries.push(Number(le))
  }
  return [...series.values()].map(({ attributes, boundaries, cumulated, sum }) => {
    const counts = cumulated.map((count, i) => count - (cumulated[i - 1] ?? 0))
    return { attributes, value: { buckets: { boundaries, counts }, sum, count: cumulated.at(-1) ?? 0 } }
  })
}

function attributesOf (labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]))
}
