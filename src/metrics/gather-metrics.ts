import type { MetricObject } from 'prom-client'
import type { MetricsMessage } from './shared-metrics.js'

/** Time to wait for a slow process, ms. After that, its last values are used. */
const TIMEOUT_MS = 1000

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
export function gatherMetrics (timeoutMs = TIMEOUT_MS) {
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
