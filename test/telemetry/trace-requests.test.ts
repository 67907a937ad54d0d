import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { traceRequests } from '../../src/telemetry/trace-requests.js'

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
