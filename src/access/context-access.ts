import { contextKey, isWithin, ROOT, type Context, type Levels } from '../core/policy/context.js'
import { at, ForbiddenError, type InputError } from '../errors/errors.js'
import { ANONYMOUS } from './tokens.js'
import type { Problem } from '../errors/problem.js'

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

/** The prefix of a list: the one requested, else all that the caller may see. @throws ForbiddenError */
export function allowedPrefix (caller: Caller, wanted: string = caller.tokenPrefix ?? ROOT): string {
  const problem = keyAccessProblem(caller, wanted, '/prefix')
  if (problem !== null) throw forbidden(problem)
  return wanted
}

export function forbidden ({ path, message }: Problem): InputError {
  return at(path, new ForbiddenError(message))
}
