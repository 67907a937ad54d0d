import type { FastifyInstance } from 'fastify'
import { MethodNotAllowedError } from '../errors/errors.js'

/**
 * Replies 405 to methods that a documented path does not have, with the allowed methods in `allow` (RFC 9110, 15.5.6), before a body is
 * read. Call it before any route is added.
 */
export function methodNotAllowed (app: FastifyInstance): void {
  const methodsOf = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method, schema }) => {
    if (schema?.hide === true) return
    const methods = methodsOf.get(url) ?? new Set()
    methodsOf.set(url, methods)
    for (const each of [method].flat()) methods.add(each)
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const path = request.url.split('?')[0]!
    const [, methods] = [...methodsOf].find(([pattern]) => expressionOf(pattern).test(path)) ?? []
    if (methods === undefined) return done()
    const allow = [...methods].sort().join(', ')
    reply.header('allow', allow)
    done(new MethodNotAllowedError(request.method, allow))
  })
}

/** What matches the paths of a route such as `/v1/contexts/:key`. */
function expressionOf (pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`)
}
