import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginCallback } from 'fastify'

/** All that the page needs comes from here; nobody frames it, and no address of it is told elsewhere. Styles: React writes them inline. */
const CSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const HEADERS = { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin' }

/** The contract, for people and for generators, open to both. */
export const docs: FastifyPluginCallback = (app, _options, done) => {
  app.addHook('onRoute', (route) => { route.config = { ...route.config, role: 'open' } })
  app.addHook('onRequest', (_request, reply, done) => { reply.headers(HEADERS); done() })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CSP,
    uiConfig: { tryItOutEnabled: true, displayRequestDuration: true, docExpansion: 'list' },
    theme: { title: 'stopgate', css: [{ filename: 'stopgate.css', content: '.swagger-ui .topbar { display: none }' }] }, // there is one contract
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  done()
}
