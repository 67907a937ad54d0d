import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { notAPage, PAGE_FILES, PAGE_HEADERS, readPageFile, sendText, servedText, spreadPages } from '../src/service/http/page-files.js'

/** The page loads only its own files and calls only this service. */
const PAGE_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'none'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The operators' page. It needs no token and contains no data: it reads data with the token of its user. */
export const pageRoutes: FastifyPluginCallback = (app, _options, done) => {
  spreadPages(app)
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

/** The OpenAPI document of this version. To make it from the routes would hold decisions up for some 300 ms. */
function readDocument (): Buffer {
  const text = readFileSync(fileURLToPath(import.meta.resolve('stopgate/openapi.json')), 'utf8')
  return Buffer.from(JSON.stringify(JSON.parse(text)))
}

/** The API documentation and the OpenAPI document, which need no token. */
export const docsRoutes: FastifyPluginCallback = (app, _options, done) => {
  app.addHook('onRoute', (route) => { route.config = { ...route.config, role: 'open' } })
  spreadPages(app)
  let document: ReturnType<typeof servedText> | undefined
  const sendDocument = (request: FastifyRequest, reply: FastifyReply) => {
    document ??= servedText(readDocument())
    return sendText(request, reply, document, 'application/json; charset=utf-8')
  }
  app.addHook('onRequest', (request, reply, done) => {
    const { url } = request.routeOptions
    if (url === '/docs/json') return sendDocument(request, reply)
    if (url === '/docs/yaml') return done(notAPage(request)) // it takes half a second to make
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
