import { contextKey, isWithin, ROOT, type Context, type Levels } from '../core/policy/context.js'
import { at, ForbiddenError, type InputError } from '../errors/errors.js'
import { ANONYMOUS } from './tokens.js'
import type { Problem } from '../errors/problem.js'

/** Who calls; a request is one. */
export interface Caller {
  readonly tokenName: string
  /** Context key the caller is bound to, with all below; `null`: bound to none. */
  readonly tokenPrefix: string | null
}

/** A caller without a token, where none is asked for. */
export const ANYBODY: Caller = { tokenName: ANONYMOUS, tokenPrefix: null }

/** What is wrong where the caller is bound to other contexts; `null`: it may. */
export function keyAccessProblem ({ tokenName, tokenPrefix }: Caller, key: string, path: string): Problem | null {
  if (tokenPrefix === null || isWithin(key, tokenPrefix)) return null
  return { path, message: `token ${tokenName} is bound to ${tokenPrefix} and what is below: name a context there` }
}

/** The same of the context of a step or an outcome. */
export function contextAccessProblem (caller: Caller, levels: Levels, context: Context = {}): Problem | null {
  return caller.tokenPrefix === null ? null : keyAccessProblem(caller, contextKey(levels, context), '/context')
}

/** What a caller lists: all it may, or less where it asks for less. @throws ForbiddenError */
export function allowedPrefix (caller: Caller, wanted: string = caller.tokenPrefix ?? ROOT): string {
  const problem = keyAccessProblem(caller, wanted, '/prefix')
  if (problem !== null) throw forbidden(problem)
  return wanted
}

export function forbidden ({ path, message }: Problem): InputError {
  return at(path, new ForbiddenError(message))
}
