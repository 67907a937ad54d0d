import { rulesFor } from '../core/decide/decide-columns.js'
import type { Rule, Snapshot } from '../core/decide/snapshot.js'
import type { Context } from '../core/policy/context.js'

/** Limits of the cache: texts, and characters of each. */
const MAX_TEXTS = 256
const MAX_LENGTH = 4096

/** What is known about an array of contexts, kept for later requests with the same text. */
interface Findings {
  /** True once the contexts have met the schema. */
  areValid: boolean
  /** The number of the snapshot in which they were last asked for, and their rules in it. */
  snapshot: number
  rules: readonly Rule[]
}

/** Property of an array of contexts in the cache. */
const FINDINGS = Symbol('findings')
interface Known { [FINDINGS]?: Findings }

const cache = new Map<string, object>()

/** The snapshot of the last request, and its number. Arrays of contexts keep the number, since a snapshot would live as long as they do. */
let current: Snapshot | null = null
let number = 0

/**
 * Parses contexts. Clients send the same ones again and again, and get the same array for the same text. Once there are too many texts, all
 * are forgotten.
 * @param text JSON in ASCII
 * @throws SyntaxError
 */
export function parseContexts (text: string): unknown {
  if (text.length > MAX_LENGTH) return JSON.parse(text)
  const known = cache.get(text)
  if (known !== undefined) return known
  const contexts: unknown = JSON.parse(text)
  if (Array.isArray(contexts)) {
    Object.defineProperty(contexts, FINDINGS, { value: { areValid: false, snapshot: 0, rules: [] } satisfies Findings })
    if (cache.size === MAX_TEXTS) cache.clear()
    cache.set(Buffer.from(text, 'latin1').toString('latin1'), contexts) // a copy: a slice would keep the whole body alive
  }
  return contexts
}

const findingsOf = (contexts: unknown): Findings | undefined => (contexts as Known | null | undefined)?.[FINDINGS]

/** Whether contexts have met the schema in an earlier request; false: not known. */
export function areKnownValid (contexts: unknown): boolean { return findingsOf(contexts)?.areValid === true }

/** Remembers that contexts have met the schema. */
export function rememberValid (contexts: unknown): void {
  const findings = findingsOf(contexts)
  if (findings !== undefined) findings.areValid = true
}

/** The rules for contexts, from an earlier request if the snapshot is still the same. */
export function knownRules (snapshot: Snapshot, contexts: readonly Context[]): readonly Rule[] {
  const findings = findingsOf(contexts)
  if (findings === undefined) return rulesFor(snapshot, contexts)
  if (current !== snapshot) {
    current = snapshot
    number++
  }
  if (findings.snapshot !== number) {
    findings.snapshot = number
    findings.rules = rulesFor(snapshot, contexts)
  }
  return findings.rules
}
