import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Access } from './access.js'
import type { Quota } from './quota.js'
import { ForbiddenError, TooManyRequestsError, UnauthenticatedError, retryAfter } from '../errors/errors.js'
import type { Metrics } from '../metrics/metrics.js'
import { forbidden, keyAccessProblem } from './context-access.js'
import { ANONYMOUS, type Role, type Token } from './tokens.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whose route it is; `open`: anybody's. A route that states none is refused to all. */
    role?: Role | 'open'
    /**
     * What holds a token that is bound to a prefix to it: `key`, the guard, by the path's `:key`; `handler`, the handler itself.
     * A route that states none is refused to such tokens.
     */
    bound?: 'key' | 'handler'
  }
  interface FastifyRequest {
    /** Who calls, for the log and the audit: the name of the token. */
    tokenName: string
    /** Context key the caller is bound to, with all below; `null`: bound to none. */
    tokenPrefix: string | null
    /** What the caller may report; `null`: any number of outcomes. */
    tokenOutcomes: Quota | null
  }
}

/** Lets a request pass by the role its route states, before anything of its body is read. */
export function guard (app: FastifyInstance, access: () => Access, metrics: () => Pick<Metrics, 'limited'>): void {
  app.decorateRequest('tokenName', ANONYMOUS)
  app.decorateRequest('tokenPrefix', null)
  app.decorateRequest('tokenOutcomes', null)
  app.addHook('onRequest', (request, reply, done) => {
    const { role } = request.route.config
    if (role === 'open' || request.is404) return done()
    if (role === undefined) return done(new ForbiddenError('This route states no role, so nobody may call it'))
    const { isOpen, identify } = access()
    if (isOpen) return done()
    const token = identify(request.headers.authorization)
    if (token === null) {
      reply.header('www-authenticate', 'Bearer')
      return done(new UnauthenticatedError())
    }
    request.tokenName = token.name
    request.tokenPrefix = token.prefix
    request.tokenOutcomes = token.outcomes
    const waitMs = token.requests === null ? 0 : token.requests.take(1, performance.now())
    if (waitMs > 0) {
      metrics().limited.inc({ token: token.name, limit: 'requests' })
      return done(retryAfter(waitMs, new TooManyRequestsError(token.name)))
    }
    done(refusal(request, token, role))
  })
}

/** An operator may all that others may. */
function refusal (request: FastifyRequest, token: Token, role: Role): Error | undefined {
  if (token.role !== role && token.role !== 'operator') {
    return new ForbiddenError(`This needs the role ${role}; token ${token.name} is ${token.role}: call with another, as stopgate token NAME ${role} makes`)
  }
  const { bound } = request.route.config
  if (token.prefix === null || bound === 'handler') return
  if (bound === undefined) return new ForbiddenError(`This is for tokens of all contexts; token ${token.name} is bound to ${token.prefix}`)
  const problem = keyAccessProblem(request, (request.params as { key: string }).key, '/key')
  if (problem !== null) return forbidden(problem)
}
