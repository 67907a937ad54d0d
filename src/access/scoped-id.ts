import { ANYBODY, type Caller } from './context-access.js'
import { sha256 } from './tokens.js'

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

/** The id as whoever sent it. */
export function sentId (stored: string): string { return stored.startsWith('\0') ? stored.slice(SCOPE_LENGTH) : stored }

/** Length of a scope: a zero character and 32 hexadecimal digits. */
const SCOPE_LENGTH = 33

function scopeOf ({ tokenPrefix }: Caller): string {
  return tokenPrefix === null ? '' : `\0${sha256(tokenPrefix).slice(0, 32)}`
}
