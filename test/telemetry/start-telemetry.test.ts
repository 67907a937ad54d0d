import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import t, { type Test } from 'tap'
import { CONTEXT } from '../certify.js'
import { temporaryFolder, until } from '../helper.js'
import { startProcess } from '../service-process.js'

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

t.test('a collector that is away or never answers disturbs nobody', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => { silent.close() })
  for (const port of [9, (silent.address() as AddressInfo).port]) {
    const service = startProcess(t, {
      DATA_DIR: await temporaryFolder(t), OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_TRACES_SAMPLER: 'always_on',
    })
    t.equal((await service.post('/v1/decisions', { tokens: 32, confidence: 0.5 })).status, 200)
    service.child.kill('SIGTERM')
    t.match(await service.exited, { code: 0 })
  }
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
  t.ok(loaded.has('src/telemetry/telemetry-signals.ts') && !loaded.has('src/telemetry/start-telemetry.ts'))
})
