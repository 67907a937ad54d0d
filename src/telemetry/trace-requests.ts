import type { FastifyInstance, FastifyRequest } from 'fastify'
import { defaultTextMapGetter, ROOT_CONTEXT, SpanKind, SpanStatusCode, W3CTraceContextPropagator, type Tracer } from '#open-telemetry'

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
