/** Orders the levels of a context, e.g. `['model', 'task']`; set by CONTEXT_LEVELS. */
export type Levels = readonly string[]

/** Where a generation belongs, by level; a level that is missing reads `-`. */
export type Context = Readonly<Record<string, string>>

/** Key of the root context, the parent of all. */
export const ROOT = '*'

const MISSING = '-'
const RESERVED = /[%,=*\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu // eslint-disable-line no-control-regex

function encodeValue (value: string): string {
  if (value === MISSING) return '%2D'
  return value.replace(RESERVED, (char) => char.codePointAt(0)! < 0x80
    ? '%' + char.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')
    : encodeURIComponent(char))
}

/** The key of every link of the chain, root first, leaf last: `*`, `model=q`, `model=q,task=gsm8k`. */
export function contextChain (levels: Levels, context: Context): string[] {
  const chain = [ROOT]
  let key = ''
  for (const level of levels) {
    const value = context[level]
    key += `${key && ','}${level}=${value === undefined ? MISSING : encodeValue(value)}`
    chain.push(key)
  }
  return chain
}

/** The context key of a generation: the last link of its chain. */
export function contextKey (levels: Levels, context: Context): string {
  return contextChain(levels, context).at(-1)!
}

/** The link above, `null` above the root. */
export function parentKey (key: string): string | null {
  if (key === ROOT) return null
  const comma = key.lastIndexOf(',')
  return comma === -1 ? ROOT : key.slice(0, comma)
}

/** The chain that ends in this key, root first. */
export function chainOf (key: string): string[] {
  const parent = parentKey(key)
  return parent === null ? [key] : [...chainOf(parent), key]
}

/** Ancestors first. */
export function byDepth (keys: Iterable<string>): string[] {
  const depth = (key: string) => key === ROOT ? 0 : key.split(',').length
  return [...keys].map((key) => [depth(key), key] as const).sort(([a], [b]) => a - b).map(([, key]) => key)
}

/**
 * The context a key names, `null` when it is not a key under these levels (unknown or misplaced level, text that is not canonical).
 * A key may end above the leaf; the levels below are then absent.
 */
export function parseContextKey (levels: Levels, key: string): Context | null {
  if (key === ROOT) return {}
  const context: Record<string, string> = {}
  const parts = key.split(',')
  if (parts.length > levels.length) return null
  for (const [depth, part] of parts.entries()) {
    const level = levels[depth]!
    if (!part.startsWith(`${level}=`)) return null
    const text = part.slice(level.length + 1)
    if (text === MISSING) continue
    let value: string
    try { value = decodeURIComponent(text) } catch { return null }
    if (value === '' || encodeValue(value) !== text) return null
    context[level] = value
  }
  return context
}

/** Whether `key` is `prefix` or lies below it; a prefix matches whole links. */
export function isWithin (key: string, prefix: string): boolean {
  return prefix === ROOT || key === prefix || key.startsWith(prefix + ',')
}

/** A level the context names that is none of these, or `null`. */
export function unknownLevel (levels: Levels, context: Context): string | null {
  for (const level in context) if (!levels.includes(level)) return level
  return null
}
