import { ConfigError } from '../../settings/environment.js'

/** The signals that OpenTelemetry exports. */
export interface TelemetrySignals {
  readonly traces: boolean
  readonly metrics: boolean
}

/**
 * Reads the signals to export from the standard environment variables. A signal is exported if its exporter is `otlp`, or if none is named
 * and there is an endpoint to export to: unlike the specification's default, nothing is sent to a collector that nobody has named.
 * @returns `null`: nothing
 * @throws ConfigError that names the variable
 */
export function telemetrySignals (env: NodeJS.ProcessEnv): TelemetrySignals | null {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return null
  const traces = isExported(env, 'TRACES')
  const metrics = isExported(env, 'METRICS')
  return traces || metrics ? { traces, metrics } : null
}

function isExported (env: NodeJS.ProcessEnv, signal: 'TRACES' | 'METRICS'): boolean {
  const exporter = env[`OTEL_${signal}_EXPORTER`] ?? ''
  if (!['', 'none', 'otlp'].includes(exporter)) throw new ConfigError(`OTEL_${signal}_EXPORTER ${JSON.stringify(exporter)} is not supported: set otlp or none`)
  const hasEndpoint = [`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`, 'OTEL_EXPORTER_OTLP_ENDPOINT'].some((name) => (env[name] ?? '') !== '')
  if (exporter === 'none' || (exporter === '' && !hasEndpoint)) return false
  for (const name of [`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`, 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const protocol = env[name] ?? ''
    if (protocol !== '' && protocol !== 'http/protobuf') throw new ConfigError(`${name} ${JSON.stringify(protocol)} is not supported: set http/protobuf, and an endpoint for it (port 4318 by default)`)
  }
  return true
}
