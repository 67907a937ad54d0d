import { AggregatorRegistry, type MetricObject } from 'prom-client'
import type { Metrics } from './metrics.js'

/** Messages between the worker processes behind one port and their primary process. */
export type MetricsMessage =
  | { readonly metrics: 'wanted', readonly ask: string }
  | { readonly metrics: 'collect', readonly ask: string }
  | { readonly metrics: 'mine', readonly ask: string, readonly values: MetricObject[] }
  | { readonly metrics: 'all', readonly ask: string, readonly values: MetricObject[][] }

/** The channel to the primary process: `process` in a worker process. */
export interface Channel {
  readonly send: (message: MetricsMessage) => void
  readonly on: (event: 'message', listener: (message: MetricsMessage) => void) => unknown
}

/** Time after which a scrape fails because the primary process does not answer, ms. */
const TIMEOUT_MS = 5000

/** Counters that are read from the learned state, and therefore equal in all processes but for short delays. */
const SAME = new Set([
  'stopgate_probe_tokens_total', 'stopgate_probe_prefill_tokens_total', 'stopgate_outcomes_without_context_total', 'stopgate_stops_total',
  'stopgate_breaches_total', 'stopgate_context_generations_total',
])

/** Metrics of a process that shares its port with others. Whichever process is scraped replies with the metrics of all. */
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
          timer = setTimeout(() => { reject(new Error('The primary process did not answer the request for metrics')) }, TIMEOUT_MS)
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

/** Counters and histograms are summed. Gauges take the maximum, except store_up, which is 1 only if every process reaches the store. */
function byKind (metric: MetricObject): MetricObject {
  if (!metric.name.startsWith('stopgate_')) return metric
  const isGauge = String(metric.type) === 'gauge'
  const aggregator = metric.name === 'stopgate_store_up' ? 'min' : isGauge || SAME.has(metric.name) ? 'max' : 'sum'
  return { ...metric, aggregator }
}

/** Time to wait for a slow process, ms. After that, its last values are used. */
const GATHER_TIMEOUT_MS = 1000

/** A worker process, as the primary process sees it. */
export interface MetricsWorker {
  readonly id: number
  readonly send: (message: MetricsMessage, callback: () => void) => unknown
}

interface Gathering { readonly asker: MetricsWorker, readonly ask: string, readonly missing: Set<number>, readonly timer: NodeJS.Timeout }

/**
 * Collects the metrics of all worker processes when one of them asks. It does not wait for a process that starts or ends meanwhile. For a
 * process that hangs, it uses the last values, since otherwise the sums would look as if counters had been reset.
 */
export function gatherMetrics (timeoutMs = GATHER_TIMEOUT_MS) {
  const workers = new Map<number, MetricsWorker>()
  const last = new Map<number, MetricObject[]>()
  const gatherings = new Map<string, Gathering>()

  function finish (gathering: Gathering): void {
    gatherings.delete(gathering.ask)
    clearTimeout(gathering.timer)
    const values = [...workers.keys()].flatMap((id) => last.has(id) ? [last.get(id)!] : [])
    gathering.asker.send({ metrics: 'all', ask: gathering.ask, values }, ignore)
  }

  function receivedFrom (gathering: Gathering, id: number): void {
    if (gathering.missing.delete(id) && gathering.missing.size === 0) finish(gathering)
  }

  return {
    /** Adds a process that has started to listen. */
    joined (worker: MetricsWorker) { workers.set(worker.id, worker) },
    /** Removes a process that has ended, with its counts. */
    left (id: number) {
      workers.delete(id)
      last.delete(id)
      for (const gathering of gatherings.values()) receivedFrom(gathering, id)
    },
    heard (worker: MetricsWorker, message: MetricsMessage) {
      if (message.metrics === 'wanted') {
        const timer = setTimeout(() => { finish(gathering) }, timeoutMs)
        const gathering: Gathering = { asker: worker, ask: message.ask, missing: new Set(workers.keys()), timer }
        gatherings.set(message.ask, gathering)
        if (workers.size === 0) finish(gathering)
        for (const one of workers.values()) one.send({ metrics: 'collect', ask: message.ask }, ignore)
      } else if (message.metrics === 'mine') {
        if (workers.has(worker.id)) last.set(worker.id, message.values)
        const gathering = gatherings.get(message.ask)
        if (gathering !== undefined) receivedFrom(gathering, worker.id)
      }
    },
  }
}

/** Ignores the error of a message to a process that has just ended; without a callback it would end this process. */
const ignore = (): void => {}
