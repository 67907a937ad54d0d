import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import { ForbiddenError, HostNotAllowedError, OriginNotAllowedError, retryAfter, TooManyRequestsError, UnauthenticatedError } from '../../errors/errors.js'
import { createHostCheck, type HostCheck, isLoopback } from '../../http/host-check.js'
import type { Config } from '../config/config.js'
import { watchFiles } from '../config/watched-files.js'
import type { Metrics } from '../metrics/metrics.js'
import { forbidden, keyAccessProblem } from './context-access.js'
import { ANONYMOUS, findToken, parseTokens, type Quota, type Role, type Token } from './tokens.js'

export type Access = ReturnType<typeof createAccess>

/** RFC 6750, with the scheme in any case. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i

/**
 * Reads the tokens, and reads a token file again when it changes.
 * @throws ConfigError that names the setting
 */
export function createAccess (config: Config, log: FastifyBaseLogger) {
  const { accessTokensFile: path, accessTokens, levels, pollSeconds } = config
  const isOpen = path === '' && accessTokens === ''
  let tokens: Token[] = accessTokens === '' ? [] : parseTokens('ACCESS_TOKENS', accessTokens, levels)
  if (isOpen && !isLoopback(config.host)) log.warn({ host: config.host }, 'ALLOW_ANONYMOUS is set: any client that reaches this address may call every route')

  const file = path === ''
    ? null
    : watchFiles({
      files: [{ setting: FILE, path, holds: 'a file with a list of tokens' }],
      pollSeconds,
      log,
      what: 'access tokens',
      take ([text]) {
        tokens = parseTokens(FILE, text!, levels, tokens)
        return { tokens: tokens.map(({ name }) => name) }
      },
    })
  const hosts = createHostCheck(config.allowedHosts)
  const identify = (authorization: string | undefined): Token | null => {
    const presented = BEARER.exec(authorization ?? '')?.[1]
    return presented === undefined ? null : findToken(tokens, presented)
  }
  return {
    /** Whether the service requires no token. */
    isOpen,
    hosts,
    /** The token of an Authorization header; `null`: none, or an unknown one. */
    identify,
    /** Whether the caller of a route that is open to all may see data about all contexts. */
    seesAll ({ host, authorization }: IncomingHttpHeaders): boolean {
      if (isOpen) return hosts.isHostAllowed(host)
      const token = identify(authorization)
      return token?.role === 'operator' && token.prefix === null
    },
    /** The prefixes that tokens are bound to. */
    prefixes: (): string[] => [...new Set(tokens.flatMap(({ prefix }) => prefix ?? []))],
    /** Why the changed token file is not in force; `null`: it is. */
    problem: () => file?.problem() ?? null,
    close: () => file?.close(),
  }
}

const FILE = 'ACCESS_TOKENS_FILE'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Role that may call the route; `open`: everyone. A route without a role is refused to everyone. */
    role?: Role | 'open'
    /**
     * How a token that is bound to a prefix is kept within it: `key`: the guard checks `:key` of the path; `handler`: the handler checks.
     * A route without this is refused to such tokens.
     */
    bound?: 'key' | 'handler'
  }
  interface FastifyRequest {
    /** Name of the caller's token, for the log and the audit trail. */
    tokenName: string
    /** Whether the caller may do what operators do, within its prefix. */
    isOperator: boolean
    /** Context key that the caller is bound to, with all contexts below it; `null`: not bound. */
    tokenPrefix: string | null
    /** Quota of outcomes and labels of the caller; `null`: unlimited. */
    tokenOutcomes: Quota | null
  }
}

/** Checks the token, its request quota and its role for every request, before the body is read. */
export function guard (app: FastifyInstance, access: () => Access, metrics: () => Pick<Metrics, 'limited'>): void {
  app.decorateRequest('tokenName', ANONYMOUS)
  app.decorateRequest('isOperator', false)
  app.decorateRequest('tokenPrefix', null)
  app.decorateRequest('tokenOutcomes', null)
  app.addHook('onRequest', (request, reply, done) => {
    const { role } = request.route.config
    if (role === 'open' || request.is404) return done()
    if (role === undefined) return done(new ForbiddenError('This route states no role, so it cannot be called: report this as a bug'))
    const { isOpen, hosts, identify } = access()
    request.isOperator = isOpen
    if (isOpen) return done(role === 'metrics' ? undefined : foreign(request, hosts))
    const token = identify(request.headers.authorization)
    if (token === null) {
      reply.header('www-authenticate', 'Bearer')
      return done(new UnauthenticatedError())
    }
    request.tokenName = token.name
    request.isOperator = token.role === 'operator'
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

const READING = new Set(['GET', 'HEAD'])

/** Why a request is refused that may come from the page of another site. */
function foreign ({ headers: { host, origin }, method }: FastifyRequest, hosts: HostCheck): Error | undefined {
  if (!hosts.isHostAllowed(host)) return new HostNotAllowedError(host!.slice(0, 100))
  if (!READING.has(method) && !hosts.isOriginAllowed(origin, host)) return new OriginNotAllowedError(origin!.slice(0, 100))
}

/** Checks role and prefix. An operator may call the routes of every role. */
function refusal (request: FastifyRequest, token: Token, role: Role): Error | undefined {
  if (token.role !== role && token.role !== 'operator') {
    return new ForbiddenError(`This route requires the role ${role}, and token ${token.name} has the role ${token.role}: use a token made with stopgate token NAME ${role}`)
  }
  const { bound } = request.route.config
  if (token.prefix === null || bound === 'handler') return
  if (bound === undefined) return new ForbiddenError(`This route requires a token that is not bound to a prefix, and token ${token.name} is bound to ${token.prefix}: use another token`)
  const problem = keyAccessProblem(request, (request.params as { key: string }).key, '/key')
  if (problem !== null) return forbidden(problem)
}
