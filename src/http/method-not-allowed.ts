import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from 'fastify'
import { MethodNotAllowedError } from '../errors/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Throws for a path that is known, but not with the method of a request that no route matched. */
    refuseMethod: (method: string, url: string, reply: FastifyReply) => void
  }
}

/**
 * Replies 405 to methods that a documented path does not have, with the allowed methods in `allow` (RFC 9110, 15.5.6). Call it before any
 * route is added, and register the plugin that it returns after all routes. Methods that Fastify cannot route (PROPFIND and others) end in
 * the handler of unknown routes, which calls `refuseMethod`.
 */
export function methodNotAllowed (app: FastifyInstance): FastifyPluginCallback {
  const methodsOf = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method, schema }) => {
    if (schema?.hide === true) return
    const methods = methodsOf.get(url) ?? new Set()
    methodsOf.set(url, methods)
    for (const each of [method].flat()) methods.add(each)
  })
  app.decorate('refuseMethod', (method, url, reply) => {
    if (app.supportedMethods.includes(method)) return
    const path = url.split('?')[0]!
    const [, methods] = [...methodsOf].find(([pattern]) => expressionOf(pattern).test(path)) ?? []
    if (methods === undefined) return
    const allow = allowed(methods)
    reply.header('allow', allow)
    throw new MethodNotAllowedError(method, allow)
  })
  return (app, _options, done) => {
    for (const [url, methods] of [...methodsOf]) {
      const others = app.supportedMethods.filter((method) => !methods.has(method))
      if (others.length > 0) refuse(app, url, others, allowed(methods))
    }
    done()
  }
}

function allowed (methods: ReadonlySet<string>): string { return [...methods].sort().join(', ') }

/** What matches the paths of a route such as `/v1/contexts/:key`. */
function expressionOf (pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`)
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
