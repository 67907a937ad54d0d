import type { FastifyInstance } from 'fastify'
import { MethodNotAllowedError } from '../errors/errors.js'

/**
 * Replies 405 to methods that a documented path does not have, with the allowed methods in `allow` (RFC 9110, 15.5.6), before a body is
 * read. Call it before any route is added.
 */
export function methodNotAllowed (app: FastifyInstance): void {
  const known = new Map<string, { expression: RegExp, methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method, schema }) => {
    if (schema?.hide === true) return
    const { methods } = known.get(url) ?? add(url)
    for (const each of [method].flat()) methods.add(each)
  })
  function add (url: string) {
    const path = { expression: expressionOf(url), methods: new Set<string>() }
    known.set(url, path)
    return path
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const path = decoded(request.url.split(/[?#]/)[0]!)
    const methods = [...known.values()].find(({ expression }) => expression.test(path))?.methods
    if (methods === undefined) return done()
    const allow = [...methods].sort().join(', ')
    reply.header('allow', allow)
    done(new MethodNotAllowedError(request.method, allow))
  })
}

/** What matches the decoded paths of a route such as `/v1/contexts/:key`. */
function expressionOf (pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]*')}$`)
}

/** The path as the router reads it; one that cannot be decoded is left as it is. */
function decoded (path: string): string {
  try {
    return decodeURI(path)
  } catch { return path }
}
