import type { Metric, Registry } from 'prom-client'

interface DurationOptions {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly string[]
  /** Upper bounds, s, in ascending order. */
  readonly buckets: readonly number[]
}

type LabelValue = string | number

/** The counts of one set of label values; the last bucket is +Inf. */
interface Series { readonly values: readonly LabelValue[], readonly counts: Float64Array, sum: number }

/** A node of the tree in which label values find their series. */
interface Node { readonly below: Map<LabelValue, Node>, series?: Series }

/**
 * A histogram of durations that prom-client's registry can scrape. Histograms of prom-client validate and hash the labels of each
 * observation, even of a child that `labels` returned: for both histograms of a decision that takes 0.9 us in place of 0.05, which is more
 * than the decision itself and a twentieth of its request.
 */
export class Durations {
  readonly #options: Required<DurationOptions>
  readonly #root: Node = { below: new Map() }
  readonly #all: Series[] = []
  /** The series of the last observation; the next one is usually of the same series. */
  #last: Series | null = null

  constructor (registry: Registry, { labelNames = [], ...options }: DurationOptions) {
    this.#options = { labelNames, ...options }
    const metric = { name: options.name, labelNames, get: async () => this.#get() }
    registry.registerMetric(metric as unknown as Metric) // the registry reads only these fields, but its type lists prom-client's classes
    if (labelNames.length === 0) this.#seriesOf([]) // shown from the start
  }

  /** @param values of the labels, in the order of `labelNames` */
  observe (seconds: number, ...values: readonly LabelValue[]): void {
    const { buckets } = this.#options
    const series = this.#last !== null && isSame(this.#last.values, values) ? this.#last : this.#last = this.#seriesOf(values)
    let bucket = 0
    while (bucket < buckets.length && seconds > buckets[bucket]!) bucket++
    series.counts[bucket]!++
    series.sum += seconds
  }

  #seriesOf (values: readonly LabelValue[]): Series {
    let node = this.#root
    for (const value of values) {
      let next = node.below.get(value)
      if (next === undefined) node.below.set(value, next = { below: new Map() })
      node = next
    }
    if (node.series !== undefined) return node.series
    node.series = { values: [...values], counts: new Float64Array(this.#options.buckets.length + 1), sum: 0 }
    this.#all.push(node.series)
    return node.series
  }

  /** The form that the registry expects of a metric. */
  #get () {
    const { name, help, buckets, labelNames } = this.#options
    const values = this.#all.flatMap(({ values, counts, sum }) => {
      const labels = Object.fromEntries(labelNames.map((label, i) => [label, values[i]!]))
      let count = 0
      const cumulated = [...buckets, '+Inf'].map((le, i) => {
        count += counts[i]!
        return { labels: { le, ...labels }, value: count, metricName: `${name}_bucket` }
      })
      return [...cumulated, { labels, value: sum, metricName: `${name}_sum` }, { labels, value: count, metricName: `${name}_count` }]
    })
    return { name, help, type: 'histogram', values, aggregator: 'sum' }
  }
}

function isSame (some: readonly LabelValue[], others: readonly LabelValue[]): boolean {
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false
  return true
}
