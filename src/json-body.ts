import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Reads JSON as Fastify does, but asks for none where none is taken: clients name the type with every request.
 * @param check throws where a body that has come in is not to be parsed
 */
export function readJsonBodies (app: FastifyInstance, check: (request: FastifyRequest) => void): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    try {
      check(request)
    } catch (error) {
      return done(error as Error)
    }
    if (body.length === 0 && request.routeOptions.schema?.body === undefined) done(null, undefined)
    else parse(request, body as string, done)
  })
}
