import type { Context } from '../policy/context.js'
import type { Rule, Snapshot } from './snapshot.js'

/** What was found out about contexts, which the same contexts in a later request need not find out again. */
export interface Findings {
  /** Whether they meet the schema; false: not known. */
  areValid: boolean
  /** Their rules in a snapshot. */
  rules: { readonly snapshot: Snapshot, readonly rules: readonly Rule[] } | null
}

/** Most texts that are known, and the longest one. */
const MAX_TEXTS = 256
const MAX_LENGTH = 4096

/** Property of an array of contexts that is known. */
const FINDINGS = Symbol('findings')
interface Known { [FINDINGS]?: Findings }

const known = new Map<string, object>()

/**
 * Parses contexts. Clients send the same ones again and again, and get the same array for the same text. When there are too many texts, all
 * are forgotten.
 * @param text JSON in ASCII
 * @throws SyntaxError
 */
export function parseContexts (text: string): unknown {
  const found = known.get(text)
  if (found !== undefined) return found
  const contexts: unknown = JSON.parse(text)
  if (Array.isArray(contexts) && text.length <= MAX_LENGTH) {
    Object.defineProperty(contexts, FINDINGS, { value: { areValid: false, rules: null } satisfies Findings })
    if (known.size === MAX_TEXTS) known.clear()
    known.set(Buffer.from(text, 'latin1').toString('latin1'), contexts) // a copy, since a part of a string keeps all of it
  }
  return contexts
}

/** What was found out about contexts; undefined: they are not known. */
export function findingsOf (contexts: readonly Context[]): Findings | undefined {
  return (contexts as Known)[FINDINGS]
}
