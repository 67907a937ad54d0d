import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { PAGE_FILES, PAGE_HEADERS, readPageFile, sendText, servedText } from '../src/service/http/page-files.js'

/** The page loads only its own files and calls only this service. */
const PAGE_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'none'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The operators' page. It needs no token and contains no data: it reads data with the token of its user. */
export const pageRoutes: FastifyPluginCallback = (app, _options, done) => {
  for (const { path, name, type } of PAGE_FILES) {
    app.get(path, { config: { role: 'open' }, schema: { hide: true } }, (request, reply) => {
      reply.header('content-security-policy', PAGE_CSP)
      return sendText(request, reply, readPageFile(name), type)
    })
  }
  done()
}

/** The API documentation loads only its own files and calls only this service. Swagger UI needs inline styles. */
const DOCS_CSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The API documentation and the OpenAPI document, which need no token. */
export const docsRoutes: FastifyPluginCallback = (app, _options, done) => {
  app.addHook('onRoute', (route) => { route.config = { ...route.config, role: 'open' } })
  let document: ReturnType<typeof servedText> | undefined
  const sendDocument = (request: FastifyRequest, reply: FastifyReply) => {
    document ??= servedText(Buffer.from(JSON.stringify(app.swagger())))
    return sendText(request, reply, document, 'application/json; charset=utf-8')
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.url === '/docs/json') return sendDocument(request, reply)
    reply.headers(PAGE_HEADERS)
    done()
  })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    uiConfig: { tryItOutEnabled: true, displayRequestDuration: true, docExpansion: 'list' },
    theme: { title: 'stopgate', css: [{ filename: 'stopgate.css', content: '.swagger-ui .topbar { display: none }' }] },
  })
  app.get('/openapi.json', { schema: { hide: true } }, sendDocument)
  done()
}
