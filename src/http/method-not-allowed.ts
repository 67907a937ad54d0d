import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import { MethodNotAllowedError } from '../errors/errors.js'

/** Methods that Fastify can route. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

/**
 * Replies 405 to methods that a documented path does not have, with the allowed methods in `allow` (RFC 9110, 15.5.6). Call it before any
 * route is added, and register the plugin that it returns after all routes.
 */
export function methodNotAllowed (app: FastifyInstance): FastifyPluginCallback {
  const methodsOf = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method, schema }) => {
    if (schema?.hide === true) return
    const methods = methodsOf.get(url) ?? new Set()
    methodsOf.set(url, methods)
    for (const each of [method].flat()) methods.add(each)
  })
  return (app, _options, done) => {
    for (const [url, methods] of [...methodsOf]) {
      const others = METHODS.filter((method) => !methods.has(method))
      if (others.length > 0) refuse(app, url, others, [...methods].sort().join(', '))
    }
    done()
  }
}

function refuse (app: FastifyInstance, url: string, method: string[], allow: string): void {
  app.route({
    url,
    method,
    config: { role: 'open' }, // the document names the methods to anybody
    schema: { hide: true },
    onRequest: async (request, reply) => {
      reply.header('allow', allow)
      throw new MethodNotAllowedError(request.method, allow)
    },
    handler: () => {},
  })
}
