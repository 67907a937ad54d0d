import { type Context, contextKey, isWithin, type Levels, ROOT, unknownLevel } from '../../core/policy/index.js'
import { at, ForbiddenError, type InputError, type Problem, retryAfter, TooManyOutcomesError, UnknownLevelError } from '../../errors/errors.js'
import type { Metrics } from '../metrics/metrics.js'
import { ANONYMOUS, type Quota, sha256 } from './tokens.js'

/** The caller of a route. A Fastify request is one. */
export interface Caller {
  readonly tokenName: string
  /** Context key that the caller is bound to, with all contexts below it; `null`: not bound. */
  readonly tokenPrefix: string | null
}

/** The caller of a service that requires no token. */
export const ANYBODY: Caller = { tokenName: ANONYMOUS, tokenPrefix: null }

/** The problem if the caller may not use a context; `null`: it may. */
export function keyAccessProblem ({ tokenName, tokenPrefix }: Caller, key: string, path: string): Problem | null {
  if (tokenPrefix === null || isWithin(key, tokenPrefix)) return null
  return { path, message: `token ${tokenName} is bound to ${tokenPrefix} and the contexts below it: use one of those` }
}

/** As `keyAccessProblem`, for the context of a step or an outcome. */
export function contextAccessProblem (caller: Caller, levels: Levels, context: Context = {}): Problem | null {
  return caller.tokenPrefix === null ? null : keyAccessProblem(caller, contextKey(levels, context), '/context')
}

/** Refuses a context that does not exist, or that the caller may not use. @throws UnknownLevelError, ForbiddenError */
export function requireContext (caller: Caller, levels: Levels, context: Context): void {
  const level = unknownLevel(levels, context)
  if (level !== null) throw at(`/context/${level}`, new UnknownLevelError(level, levels.join(', ')))
  const problem = contextAccessProblem(caller, levels, context)
  if (problem !== null) throw forbidden(problem)
}

/** The prefix of a list: the requested one, otherwise everything that the caller may see. @throws ForbiddenError */
export function allowedPrefix (caller: Caller, wanted: string = caller.tokenPrefix ?? ROOT): string {
  const problem = keyAccessProblem(caller, wanted, '/prefix')
  if (problem !== null) throw forbidden(problem)
  return wanted
}

export function forbidden ({ path, message }: Problem): InputError {
  return at(path, new ForbiddenError(message))
}

/**
 * The id under which reports on a generation are stored. It is scoped to the prefix of the caller's token: otherwise a tenant could make
 * the outcome of another tenant a duplicate, label it, or add steps to it. Tokens of the same prefix share their ids, so that tokens can
 * be rotated. The arm is still drawn from the id as it was sent.
 */
export function scopedId (caller: Caller = ANYBODY, id: string): string { return scopeOf(caller) + id }

/** The id as the caller sent it; `null`: a caller of another scope sent it. */
export function ownId (caller: Caller, stored: string): string | null {
  const scope = scopeOf(caller)
  if (scope === '') return stored.startsWith('\0') ? null : stored
  return stored.startsWith(scope) ? stored.slice(scope.length) : null
}

/** The id as its client sent it. */
export function sentId (stored: string): string { return stored.startsWith('\0') ? stored.slice(SCOPE_LENGTH) : stored }

/** Length of a scope: a zero character and 32 hexadecimal digits. */
const SCOPE_LENGTH = 33

function scopeOf ({ tokenPrefix }: Caller): string {
  if (tokenPrefix === null) return ''
  let scope = scopes.get(tokenPrefix)
  if (scope === undefined) scopes.set(tokenPrefix, scope = `\0${sha256(tokenPrefix).slice(0, 32)}`)
  return scope
}

/** Scopes by the prefix of a token. There are few, and each row of a request needs its caller's. */
const scopes = new Map<string, string>()

export interface Reporter extends Caller { readonly tokenOutcomes: Quota | null }

/**
 * Stores reports within the quota of the caller's token, and counts them under its name. Only new reports use up the quota, so sending a
 * report again after a 503 or a lost reply costs nothing.
 * @param keep stores the reports and returns for each whether it is new
 * @throws TooManyOutcomesError: nothing was stored
 */
export async function spendReportQuota (
  { tokenName: token, tokenOutcomes: quota }: Reporter, kind: 'outcome' | 'label' | 'checkpoint', count: number,
  metrics: Pick<Metrics, 'reports' | 'limited'>, keep: () => Promise<boolean[]>
): Promise<boolean[]> {
  const waitMs = quota?.take(count, performance.now()) ?? 0
  if (waitMs > 0) {
    metrics.limited.inc({ token, limit: 'outcomes' })
    throw retryAfter(waitMs, new TooManyOutcomesError(token))
  }
  let accepted = 0
  try {
    const areNew = await keep()
    accepted = areNew.filter(Boolean).length
    metrics.reports.inc({ token, kind, result: 'accepted' }, accepted)
    metrics.reports.inc({ token, kind, result: 'duplicate' }, count - accepted)
    return areNew
  } finally {
    quota?.giveBack(count - accepted)
  }
}
