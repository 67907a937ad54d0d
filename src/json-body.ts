import type { FastifyInstance } from 'fastify'

/** Reads JSON as Fastify does, but asks for none where none is taken: clients name the type with every request. */
export function readJsonBodies (app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0 && request.routeOptions.schema?.body === undefined) done(null, undefined)
    else parse(request, body as string, done)
  })
}
