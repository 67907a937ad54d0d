import type { FastifyPluginCallback } from 'fastify'
import { PAGE_FILES, readPageFile } from '../src/http/page-files.js'
import { PAGE_HEADERS } from '../src/http/page-headers.js'

/** The page loads only its own files and calls only this service. */
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'none'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The operators' page. It needs no token, and holds no data: it reads that with the token of its user. */
export const page: FastifyPluginCallback = (app, _options, done) => {
  for (const { path, name, type } of PAGE_FILES) {
    app.get(path, { config: { role: 'open' }, schema: { hide: true } }, (request, reply) => {
      const { etag, body, gzipped } = readPageFile(name)
      reply.headers({ ...PAGE_HEADERS, 'content-security-policy': CSP, 'cache-control': 'no-cache', vary: 'accept-encoding', etag })
      if (request.headers['if-none-match']?.includes(etag) === true) return reply.code(304).send()
      const isZipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
      if (isZipped) reply.header('content-encoding', 'gzip')
      return reply.type(type).send(isZipped ? gzipped : body)
    })
  }
  done()
}
