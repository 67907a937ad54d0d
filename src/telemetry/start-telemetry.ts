import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import {
  BasicTracerProvider, BatchSpanProcessor, defaultResource, detectResources, envDetector, MeterProvider, OTLPMetricExporter,
  OTLPTraceExporter, PeriodicExportingMetricReader, resourceFromAttributes, type Resource,
} from '#open-telemetry'
import type { Metrics } from '../metrics/metrics.js'
import { VERSION } from '../version/version.js'
import { metricData } from './metric-data.js'
import type { TelemetrySignals } from './telemetry-signals.js'
import { traceRequests } from './trace-requests.js'

const SCOPE = { name: 'stopgate', version: VERSION }

/** Interval at which metrics are exported, and time that an export may take, ms; the specification's defaults. */
const INTERVAL_MS = 60_000
const TIMEOUT_MS = 30_000

/** Most time that the last export may take, ms: the packages would go on trying for as long as the service has to end. */
const LAST_EXPORT_MS = 2000

export type Telemetry = ReturnType<typeof startTelemetry>

/**
 * Exports by OTLP over HTTP. The packages themselves read the endpoint, headers, sampler and limits from the environment. A collector that
 * is away costs spans and points, and delays nothing.
 */
export function startTelemetry ({ traces, metrics: hasMetrics }: TelemetrySignals, env: NodeJS.ProcessEnv) {
  const resource = resourceOf()
  const provider = traces ? new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] }) : null
  let meters: MeterProvider | null = null
  return {
    /** Adds hooks to an app that has no routes yet. */
    instrument (app: FastifyInstance): void { if (provider !== null) traceRequests(app, provider.getTracer(SCOPE.name, SCOPE.version)) },
    watch (metrics: Pick<Metrics, 'collect'>): void {
      if (hasMetrics) meters = exportMetrics(metrics, resource, Number(env.OTEL_METRIC_EXPORT_INTERVAL) || INTERVAL_MS)
    },
    /** Exports the rest, if the collector takes it within two seconds. */
    async close (): Promise<void> {
      const exported = Promise.allSettled([provider?.shutdown(), meters?.shutdown()])
      await Promise.race([exported, setTimeout(LAST_EXPORT_MS, undefined, { ref: false })])
    },
  }
}

/** OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before our own. Each process is an instance. */
function resourceOf (): Resource {
  const own = resourceFromAttributes({ 'service.name': 'stopgate', 'service.version': VERSION, 'service.instance.id': randomUUID() })
  return defaultResource().merge(own).merge(detectResources({ detectors: [envDetector] }))
}

function exportMetrics (metrics: Pick<Metrics, 'collect'>, resource: Resource, exportIntervalMillis: number): MeterProvider {
  const startedAt = Date.now()
  const producer = {
    async collect () {
      const points = metricData(await metrics.collect() as Parameters<typeof metricData>[0], startedAt, Date.now())
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: SCOPE, metrics: points }] }, errors: [] }
    },
  }
  const exportTimeoutMillis = Math.min(TIMEOUT_MS, exportIntervalMillis)
  const exporter = new OTLPMetricExporter()
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis, metricProducers: [producer] })
  return new MeterProvider({ resource, readers: [reader] })
}
