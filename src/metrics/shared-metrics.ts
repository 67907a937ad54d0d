import { AggregatorRegistry, type MetricObject } from 'prom-client'
import type { Metrics } from './metrics.js'

/** What the processes behind one port and the one that started them tell each other. */
export type MetricsMessage =
  | { readonly metrics: 'wanted', readonly ask: string }
  | { readonly metrics: 'collect', readonly ask: string }
  | { readonly metrics: 'mine', readonly ask: string, readonly values: MetricObject[] }
  | { readonly metrics: 'all', readonly ask: string, readonly values: MetricObject[][] }

/** Where the messages go and come from: `process` of a forked process. */
export interface Channel {
  readonly send: (message: MetricsMessage) => void
  readonly on: (event: 'message', listener: (message: MetricsMessage) => void) => unknown
}

/** After which a scrape fails: the process that gathers them does not answer, ms. */
const TIMEOUT_MS = 5000

/** Read from what was learned or from the model, and so the same in all processes but for a moment. */
const SAME = new Set(['stopgate_tokens_saved_total', 'stopgate_outcomes_without_context_total'])

/** The metrics of a process that shares its port with others: whichever is scraped answers for all of them. */
export function shareMetrics (metrics: Metrics, channel: Channel, self: string | number): Metrics {
  const waiting = new Map<string, (values: MetricObject[][]) => void>()
  let asked = 0
  channel.on('message', async (message) => {
    if (message.metrics === 'collect') channel.send({ metrics: 'mine', ask: message.ask, values: await metrics.collect() })
    if (message.metrics === 'all') waiting.get(message.ask)?.(message.values)
  })
  return {
    ...metrics,
    async render () {
      const ask = `${self}-${++asked}`
      let timer: NodeJS.Timeout | undefined
      try {
        const all = await new Promise<MetricObject[][]>((resolve, reject) => {
          timer = setTimeout(() => { reject(new Error('The process that gathers the metrics does not answer')) }, TIMEOUT_MS)
          waiting.set(ask, resolve)
          channel.send({ metrics: 'wanted', ask })
        })
        return await AggregatorRegistry.aggregate(all.map((values) => values.map(byKind))).metrics()
      } finally {
        clearTimeout(timer)
        waiting.delete(ask)
      }
    },
  }
}

/** Counters and histograms add up; of gauges the greatest counts, but that the store is reached only where all reach it. */
function byKind (metric: MetricObject): MetricObject {
  if (!metric.name.startsWith('stopgate_')) return metric
  const isGauge = String(metric.type) === 'gauge'
  const aggregator = metric.name === 'stopgate_store_up' ? 'min' : isGauge || SAME.has(metric.name) ? 'max' : 'sum'
  return { ...metric, aggregator }
}
