import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginCallback } from 'fastify'
import { PAGE_HEADERS } from '../src/http/page-headers.js'

/** The page loads only its own files, may not be framed, and sends no referrer. Inline styles are needed by React. */
const CSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The API documentation and the OpenAPI document, which need no token. */
export const docs: FastifyPluginCallback = (app, _options, done) => {
  app.addHook('onRoute', (route) => { route.config = { ...route.config, role: 'open' } })
  app.addHook('onRequest', (_request, reply, done) => { reply.headers(PAGE_HEADERS); done() })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CSP,
    uiConfig: { tryItOutEnabled: true, displayRequestDuration: true, docExpansion: 'list' },
    theme: { title: 'stopgate', css: [{ filename: 'stopgate.css', content: '.swagger-ui .topbar { display: none }' }] },
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  done()
}
