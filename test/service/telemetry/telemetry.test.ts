import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import Fastify from 'fastify'
import { Counter, Gauge, Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { Durations } from '../../../src/service/metrics/durations.js'
import { metricData, traceRequests } from '../../../src/service/telemetry/telemetry.js'
import { CONTEXT } from '../../certify.js'
import { temporaryFolder, until } from '../../helper.js'
import { startProcess } from '../../service-process.js'

t.test('counters, gauges and histograms keep their names, labels and values', async (t) => {
  const registry = new Registry()
  new Counter({ name: 'c', help: 'a counter', labelNames: ['l'], registers: [registry] }).inc({ l: 'x' }, 3)
  new Gauge({ name: 'g', help: 'a gauge', registers: [registry] }).set(0.5)
  new Counter({ name: 'unseen', help: 'without values', labelNames: ['l'], registers: [registry] }) // eslint-disable-line no-new
  const durations = new Durations(registry, { name: 'd_seconds', help: 'durations', labelNames: ['l'], buckets: [1, 2] })
  for (const seconds of [0.5, 1.5, 1.75, 9]) durations.observe(seconds, 'x')
  const data = metricData(await registry.getMetricsAsJSON() as Parameters<typeof metricData>[0], 1000, 2500)
  t.match(data, [
    { descriptor: { name: 'c', description: 'a counter' }, isMonotonic: true, dataPoints: [{ startTime: [1, 0], endTime: [2, 500_000_000], attributes: { l: 'x' }, value: 3 }] },
    { descriptor: { name: 'g' }, dataPoints: [{ attributes: {}, value: 0.5 }] },
    { descriptor: { name: 'd_seconds', unit: 's' }, dataPoints: [{ attributes: { l: 'x' }, value: { buckets: { boundaries: [1, 2], counts: [1, 2, 1] }, sum: 12.75, count: 4 } }] },
  ])
  t.equal(data.length, 3)
})

/** A receiver of OTLP over HTTP, and what it received by path. */
async function receiver (t: Test) {
  const received: Record<string, Buffer[]> = { '/v1/traces': [], '/v1/metrics': [] }
  const server = createServer(async (request, reply) => {
    received[request.url!]?.push(await buffer(request))
    reply.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  await until('the receiver listens', () => server.listening)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** The values of the fields of bytes with this number. */
function bytesIn (message: Buffer, wanted: number): Buffer[] {
  const values: Buffer[] = []
  const reader = new BinaryReader(message)
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    if (number === wanted && wireType === WireType.LengthDelimited) values.push(Buffer.from(reader.bytes()))
    else reader.skip(wireType, number)
  }
  return values
}

/** The nested messages at a path of field numbers. */
function at (messages: readonly Buffer[], ...path: number[]): Buffer[] {
  return path.reduce((inner, wanted) => inner.flatMap((message) => bytesIn(message, wanted)), [...messages])
}

t.test('spans and metrics of a service reach a collector', async (t) => {
  const { url, received } = await receiver(t)
  const service = startProcess(t, {
    DATA_DIR: await temporaryFolder(t),
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_SERVICE_NAME: 'gate',
    OTEL_RESOURCE_ATTRIBUTES: 'team=inference',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_METRIC_EXPORT_INTERVAL: '100',
  })
  const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  await service.post('/v1/decisions', { generation_id: 'g', tokens: 32, confidence: 0.5, context: CONTEXT }, headers)
  // ExportTraceServiceRequest: resource_spans 1, scope_spans 2, spans 2; of a span: trace_id 1, parent_span_id 4, name 5
  const span = await until('the span is received', () => at(received['/v1/traces']!, 1, 2, 2)[0])
  t.equal(at([span], 1)[0]!.toString('hex'), '0af7651916cd43dd8448eb211c80319c')
  t.equal(at([span], 4)[0]!.toString('hex'), 'b7ad6b7169203331')
  t.equal(at([span], 5)[0]!.toString(), 'POST /v1/decisions')
  const resource = Buffer.concat(at(received['/v1/traces']!, 1, 1)).toString('latin1')
  for (const word of ['service.name', 'gate', 'team', 'inference', 'service.version']) t.ok(resource.includes(word), word)
  // ExportMetricsServiceRequest: resource_metrics 1, scope_metrics 2, metrics 2; of a metric: name 1
  t.ok(await until('the metrics are received', () => {
    const names = at(received['/v1/metrics']!, 1, 2, 2, 1).map(String)
    return names.includes('stopgate_decisions_total') && names.includes('stopgate_http_request_duration_seconds')
  }))
  service.child.kill('SIGTERM')
  t.match(await service.exited, { code: 0 })
})

t.test('nothing of OpenTelemetry is loaded unless it is asked for', async (t) => {
  const loaded = new Set<string>()
  const load = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*? from '(\.[^']+|#open-telemetry)'/gm)) {
      if (path === '#open-telemetry') t.fail(`${file} loads it`)
      else load(join(dirname(file), path!.replace(/\.js$/, '.ts')))
    }
  }
  load('src/cli.ts')
  load('src/app/server.ts')
  t.ok(loaded.size > 100)
  t.ok(loaded.has('src/service/telemetry/telemetry-signals.ts') && !loaded.has('src/service/telemetry/telemetry.ts'))
})

interface Parent { readonly _currentContext?: Map<symbol, unknown> }

interface Span { name: string, attributes: Record<string, unknown>, parent: unknown, status?: unknown, isEnded?: boolean }

/** An app with traced requests, and the spans that they made. */
function traced (t: Test) {
  const spans: Span[] = []
  const tracer = {
    startSpan (name: string, { attributes }: { attributes: Record<string, unknown> }, parent: Parent) {
      const span: Span = { name, attributes: { ...attributes }, parent: [...parent._currentContext?.values() ?? []] }
      spans.push(span)
      return {
        setAttribute (key: string, value: unknown) { span.attributes[key] = value },
        setStatus (status: unknown) { span.status = status },
        end () { span.isEnded = true },
      }
    },
  }
  const app = Fastify()
  t.teardown(() => app.close())
  traceRequests(app, tracer as never)
  app.get('/things/:id', async () => ({}))
  app.get('/broken', async () => { throw new Error('broken') })
  app.get('/livez', async () => ({}))
  return { app, spans }
}

t.test('a request is a span with its route and status, below the span of its caller', async (t) => {
  const { app, spans } = traced(t)
  await app.inject({ url: '/things/7?x=1', headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } })
  t.match(spans, [{
    name: 'GET /things/:id', attributes: { 'http.request.method': 'GET', 'http.route': '/things/:id', 'url.path': '/things/7', 'http.response.status_code': 200 }, isEnded: true,
  }])
  t.match(JSON.stringify(spans[0]!.parent), '"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"')
  t.notOk(spans[0]!.status)
})

t.test('a failed request is an error, and a path without a route has none', async (t) => {
  const { app, spans } = traced(t)
  await app.inject('/broken')
  await app.inject('/nowhere')
  t.match(spans, [{ name: 'GET /broken', status: { code: 2 } }, { name: 'GET', attributes: { 'http.response.status_code': 404 } }])
  t.notOk('http.route' in spans[1]!.attributes)
})

t.test('probes and scrapes are no spans', async (t) => {
  const { app, spans } = traced(t)
  await app.inject('/livez')
  t.strictSame(spans, [])
})
