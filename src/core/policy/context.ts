/** The levels of a context in order, e.g. `['model', 'task']`; set by CONTEXT_LEVELS. */
export type Levels = readonly string[]

/** Where a generation belongs: a value for each level. A missing level is written `-` in keys. */
export type Context = Readonly<Record<string, string>>

/** Key of the root context, the ancestor of all others. */
export const ROOT = '*'

/** Decoders replace bytes that are not UTF-8 with this. No id, level value or signal name may contain it: different ones would coincide. */
export const REPLACEMENT_CHARACTER = '\uFFFD'

const MISSING = '-'
const RESERVED = /[%,=*\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu // eslint-disable-line no-control-regex

function encodeValue (value: string): string {
  if (value === MISSING) return '%2D'
  return value.replace(RESERVED, (char) => char.codePointAt(0)! < 0x80
    ? '%' + char.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')
    : encodeURIComponent(char))
}

/** The keys of a context's chain, root first, leaf last: `*`, `model=q`, `model=q,task=gsm8k`. */
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

/** The key of a generation's context: the last link of its chain. */
export function contextKey (levels: Levels, context: Context): string {
  return contextChain(levels, context).at(-1)!
}

/** The key of the parent; `null` for the root. */
export function parentKey (key: string): string | null {
  if (key === ROOT) return null
  const comma = key.lastIndexOf(',')
  return comma === -1 ? ROOT : key.slice(0, comma)
}

/** The keys from the root down to this key. */
export function chainOf (key: string): string[] {
  const parent = parentKey(key)
  return parent === null ? [key] : [...chainOf(parent), key]
}

/** How many links lie above a key in its chain. */
export function depthOf (key: string): number {
  if (key === ROOT) return 0
  let depth = 1
  for (let at = key.indexOf(','); at !== -1; at = key.indexOf(',', at + 1)) depth++
  return depth
}

/** Sorts keys so that ancestors come before descendants. */
export function byDepth (keys: Iterable<string>): string[] {
  return [...keys].map((key) => [depthOf(key), key] as const).sort(([a], [b]) => a - b).map(([, key]) => key)
}

/**
 * The context that a key names; `null` if it is not a key under these levels (unknown or misplaced level, text that is not canonical).
 * A key may end above the leaf, and the levels below are then absent.
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
    if (value === '' || value.includes(REPLACEMENT_CHARACTER) || encodeValue(value) !== text) return null
    context[level] = value
  }
  return context
}

/**
 * Whether a key is a pattern: `*` in the place of a value stands for any value of its level, and for none, as in `model=*,task=math`. Only
 * policies may have such keys. In the values of contexts `*` is encoded.
 */
export function isPattern (key: string): boolean { return key.includes('=*') }

/** Whether a part of a key leaves its level open, as `model=*` does. */
export function isOpen (part: string): boolean { return part.endsWith('=*') }

/** Whether `key` equals `prefix` or lies below it; `model=q` does not match `model=q2`. A prefix may be a pattern, and matches others. */
export function isWithin (key: string, prefix: string): boolean {
  return prefix === ROOT || key === prefix || key.startsWith(prefix + ',') || (isPattern(prefix) && isMatch(key, prefix))
}

function isMatch (key: string, pattern: string): boolean {
  const parts = key.split(',')
  return pattern.split(',').every((part, depth) => part === parts[depth] || (isOpen(part) && parts[depth]?.startsWith(part.slice(0, -1))))
}

/** The first level of the context that is not configured, or `null`. */
export function unknownLevel (levels: Levels, context: Context): string | null {
  for (const level in context) if (!levels.includes(level)) return level
  return null
}

/**
 * Depth in the chain of the link that gathers evidence for a leaf: the leaf itself, or the level that `certify_at` names (`*`: the root).
 * A level that is not configured names the leaf.
 */
export function certifyingDepth (levels: Levels, certifyAt: string | null): number {
  if (certifyAt === null) return levels.length
  if (certifyAt === ROOT) return 0
  const place = levels.indexOf(certifyAt)
  return place === -1 ? levels.length : place + 1
}

/** Key of the link that gathers evidence for a leaf. */
export function certifyingKey (levels: Levels, certifyAt: string | null, leaf: string): string {
  return certifyAt === null ? leaf : chainOf(leaf)[certifyingDepth(levels, certifyAt)]!
}

/** Whether a context gathers evidence under its own policy. */
export function isCertifying (levels: Levels, certifyAt: string | null, key: string): boolean {
  return depthOf(key) === certifyingDepth(levels, certifyAt)
}
