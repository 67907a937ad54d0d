import t from 'tap'
import { telemetrySignals } from '../../../src/service/telemetry/telemetry-signals.js'

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

t.test('nothing is exported unless the environment asks for it', async (t) => {
  for (const env of [{}, { OTEL_SERVICE_NAME: 'x' }, { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }]) {
    t.equal(telemetrySignals(env), null, JSON.stringify(env))
  }
})

t.test('an endpoint or an exporter asks for a signal', async (t) => {
  t.same(telemetrySignals(ENDPOINT), { traces: true, metrics: true })
  t.same(telemetrySignals({ ...ENDPOINT, OTEL_SDK_DISABLED: 'false', OTEL_METRICS_EXPORTER: 'none' }), { traces: true, metrics: false })
  t.same(telemetrySignals({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318/v1/metrics' }), { traces: false, metrics: true })
  t.same(telemetrySignals({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }), { traces: true, metrics: false })
})

t.test('unsupported settings are named', async (t) => {
  t.throws(() => telemetrySignals({ OTEL_TRACES_EXPORTER: 'zipkin' }), { name: 'ConfigError', message: /^OTEL_TRACES_EXPORTER "zipkin"/ })
  t.throws(() => telemetrySignals({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), { name: 'ConfigError', message: /^OTEL_EXPORTER_OTLP_PROTOCOL "grpc"/ })
})
