import type { Metric, Registry } from 'prom-client'

export interface DurationOptions<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  /** Upper bounds, s, in ascending order. */
  readonly buckets: readonly number[]
}

/** The histogram of one set of label values. */
export interface Series {
  readonly observe: (seconds: number) => void
}

/** A histogram that prom-client can scrape. Observing is cheap, since no labels are hashed. */
export interface Durations<L extends string> { readonly series: (labels: Labels<L>) => Series }

type Labels<L extends string> = Readonly<Record<L, string | number>>

export function createDurations<L extends string> (registry: Registry, options: DurationOptions<L>): Durations<L> {
  const { name, help, buckets, labelNames } = options
  const all: Array<{ labels: Labels<L>, counts: Float64Array, totals: { sum: number, count: number } }> = []

  /** The interface that prom-client's registry calls. */
  async function get () {
    const values = all.flatMap(({ labels, counts, totals: { sum, count } }) => {
      let below = 0
      return [
        ...buckets.map((le, i) => {
          below += counts[i]!
          return { labels: { le, ...labels }, value: below, metricName: `${name}_bucket` }
        }),
        { labels: { le: '+Inf', ...labels }, value: count, metricName: `${name}_bucket` },
        { labels, value: sum, metricName: `${name}_sum` },
        { labels, value: count, metricName: `${name}_count` },
      ]
    })
    return { name, help, type: 'histogram', values, aggregator: 'sum' }
  }
  registry.registerMetric({ name, labelNames, get } as unknown as Metric)

  return {
    series (labels) {
      const counts = new Float64Array(buckets.length + 1)
      const totals = { sum: 0, count: 0 }
      all.push({ labels, counts, totals })
      return {
        observe (seconds) {
          let bucket = 0
          while (bucket < buckets.length && seconds > buckets[bucket]!) bucket++
          counts[bucket]!++
          totals.sum += seconds
          totals.count++
        },
      }
    },
  }
}
