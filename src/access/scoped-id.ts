import { ANYBODY, type Caller } from './context-access.js'
import { sha256 } from './tokens.js'

/**
 * The id under which what a caller says of a generation is kept. One who is bound to a prefix has ids of its own, which those bound to
 * another can't name: else a tenant could make another's outcome a duplicate, label it, or add steps to it. Callers of the same prefix
 * share theirs, so tokens can be rotated. The arm is drawn by the id as it was sent.
 */
export function scopedId ({ tokenPrefix }: Caller = ANYBODY, id: string): string {
  return tokenPrefix === null ? id : `\0${sha256(tokenPrefix).slice(0, 32)}${id}`
}
