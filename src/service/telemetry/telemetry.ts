import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import {
  AggregationTemporality, BasicTracerProvider, BatchSpanProcessor, DataPointType, defaultResource, defaultTextMapGetter,
  detectResources, envDetector, MeterProvider, type MetricData, millisToHrTime, OTLPMetricExporter, OTLPTraceExporter,
  PeriodicExportingMetricReader, type Resource, resourceFromAttributes, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer,
  ValueType, W3CTraceContextPropagator,
} from '#open-telemetry'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import { VERSION } from '../../version.js'
import type { Metrics } from '../metrics/metrics.js'
import type { TelemetrySignals } from './telemetry-signals.js'

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

/** Routes that are asked for all the time, and not by users. */
const UNTRACED = new Set(['/livez', '/readyz', '/metrics'])

/** Makes a span of each request, below the span that its `traceparent` names. */
export function traceRequests (app: FastifyInstance, tracer: Tracer): void {
  const propagator = new W3CTraceContextPropagator()
  const spans = new WeakMap<FastifyRequest, ReturnType<Tracer['startSpan']>>()
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, routeOptions: { url: route } } = request
    if (route === undefined || !UNTRACED.has(route)) {
      const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
      const attributes = { 'http.request.method': method, 'url.path': request.url.split('?')[0]!, ...(route !== undefined && { 'http.route': route }) }
      spans.set(request, tracer.startSpan(route === undefined ? method : `${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent))
    }
    done()
  })
  const end = (request: FastifyRequest, statusCode?: number) => {
    const span = spans.get(request)
    if (span === undefined) return
    if (statusCode !== undefined) span.setAttribute('http.response.status_code', statusCode)
    if (statusCode === undefined || statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
    spans.delete(request)
  }
  app.addHook('onResponse', (request, { statusCode }, done) => {
    end(request, statusCode)
    done()
  })
  app.addHook('onRequestAbort', (request, done) => {
    end(request)
    done()
  })
}
