import type { FastifyInstance, FastifyRequest } from 'fastify'
import { EncodedBodyError, MediaTypeError } from '../errors/errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Whether bodies are parsed without a search for `__proto__` and `constructor`, which takes as long as parsing itself. Only for routes
     * whose strict schemas refuse such fields, or that read only known fields.
     */
    isParsedAsIs?: boolean
    /** A parser that is faster for the texts that the route usually gets, and returns undefined for any other. */
    parseUsual?: (text: string) => unknown
  }
}

type JsonParser = (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void) => void

/**
 * Parses JSON bodies, and merge patches of PATCH requests, as Fastify does, but accepts an empty body on routes without one, since clients
 * may send the content type with every request.
 * @param check throws if a body that was received must not be parsed
 */
export function readJsonBodies (app: FastifyInstance, check: (request: FastifyRequest) => void): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  const parseAsIs = app.getDefaultJsonParser('ignore', 'ignore')
  app.addHook('onRequest', ({ headers }, reply, done) => { // preParsing hooks cost more
    const encoding = headers['content-encoding']
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return done()
    reply.header('accept-encoding', 'identity') // RFC 7694
    done(new EncodedBodyError(encoding.slice(0, 64)))
  })
  app.removeContentTypeParser('text/plain') // the error would be that the body is not an object, rather than not JSON
  const read: JsonParser = (request, body, done) => {
    try {
      check(request)
    } catch (error) {
      return done(error as Error)
    }
    const { config, schema } = request.route
    if (body.length === 0 && schema?.body === undefined) return done(null, undefined)
    const usual = config.parseUsual?.(body)
    if (usual !== undefined) done(null, usual)
    else (config.isParsedAsIs ? parseAsIs : parse)(request, body, done)
  }
  app.addContentTypeParser('application/json', { parseAs: 'string' }, read)
  // A merge patch that replaced something would remove what it does not name.
  app.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, (request, body: string, done) =>
    request.method === 'PATCH' ? read(request, body, done) : done(new MediaTypeError()))
}
