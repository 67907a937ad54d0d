// The parts of OpenTelemetry that the service uses. The build bundles them into one file (dist/vendor/open-telemetry.js). It is imported
// as #open-telemetry, and only when the environment asks for it: the packages take up 50 MB.
export { defaultTextMapGetter, ROOT_CONTEXT, SpanKind, SpanStatusCode, ValueType, type Tracer } from '@opentelemetry/api'
export { W3CTraceContextPropagator, millisToHrTime } from '@opentelemetry/core'
export { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
export { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
export { defaultResource, detectResources, envDetector, resourceFromAttributes, type Resource } from '@opentelemetry/resources'
export {
  AggregationTemporality, DataPointType, MeterProvider, PeriodicExportingMetricReader, type MetricData,
} from '@opentelemetry/sdk-metrics'
export { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
