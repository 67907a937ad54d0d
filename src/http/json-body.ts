import type { FastifyInstance, FastifyRequest } from 'fastify'
import { EncodedBodyError } from '../errors/errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Parsed without a search for `__proto__` and `constructor`, which takes as long again as parsing. Only for routes whose strict schemas
     * refuse such fields, or that look up nothing but names they know in what they are given.
     */
    isParsedAsIs?: boolean
  }
}

/**
 * Reads JSON as Fastify does, but asks for none where none is taken: clients name the type with every request.
 * @param check throws where a body that has come in is not to be parsed
 */
export function readJsonBodies (app: FastifyInstance, check: (request: FastifyRequest) => void): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  const parseAsIs = app.getDefaultJsonParser('ignore', 'ignore')
  app.addHook('preParsing', ({ headers: { 'content-encoding': encoding = 'identity' } }, reply, _payload, done) => {
    if (encoding.toLowerCase() === 'identity') return done()
    reply.header('accept-encoding', 'identity') // RFC 7694
    done(new EncodedBodyError(encoding.slice(0, 64)))
  })
  app.removeContentTypeParser('text/plain') // Fastify's own: it would be told to be an object, not JSON
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    try {
      check(request)
    } catch (error) {
      return done(error as Error)
    }
    if (body.length === 0 && request.route.schema?.body === undefined) done(null, undefined)
    else (request.route.config.isParsedAsIs ? parseAsIs : parse)(request, body as string, done)
  })
}
