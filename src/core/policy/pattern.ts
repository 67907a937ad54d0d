import { isOpen, isPattern, type Levels, parseContextKey, ROOT } from './context.js'

/**
 * The keys whose policies apply to a context, from the least to the most specific, so that a field comes from the last one that states it.
 * Keys are compared in the first level in which they differ: one that names its value comes after one that leaves it open or ends above.
 * @param key may leave levels open, which then have a value that no key names
 */
export function policyKeys (key: string): string[] {
  return key === ROOT ? [ROOT] : [ROOT, ...keysBelow('', key.split(','))]
}

function keysBelow (start: string, [part, ...rest]: readonly string[]): string[] {
  if (part === undefined) return []
  const open = openPart(part)
  const keys = keysBelow(`${start}${open},`, rest)
  return part === open ? keys : [...keys, start + part, ...keysBelow(`${start}${part},`, rest)]
}

/** The patterns of these levels among keys. */
export function patternsIn (levels: Levels, keys: Iterable<string>): string[] {
  return [...keys].filter((key) => isPattern(key) && patternProblem(levels, key) === null)
}

/** Patterns by the parts of their keys, such as `model=*` and `task=math` below it. */
export interface PatternTree extends ReadonlyMap<string, PatternTree> {}

interface OpenTree extends Map<string, OpenTree> {}

/** The tree of patterns; empty where there are none. */
export function patternTree (patterns: readonly string[]): PatternTree {
  const root: OpenTree = new Map()
  for (const pattern of patterns) {
    let tree = root
    for (const part of pattern.split(',')) {
      let below = tree.get(part)
      if (below === undefined) tree.set(part, below = new Map())
      tree = below
    }
  }
  return root
}

/** The trees that match one more part of a key, which may leave its level open. */
export function treesBelow (trees: readonly PatternTree[], part: string): PatternTree[] {
  if (trees.length === 0) return []
  const open = openPart(part)
  const parts = part === open ? [part] : [open, part]
  return trees.flatMap((tree) => parts.flatMap((its) => tree.get(its) ?? []))
}

/** The trees that match a key as far down as it goes. */
export function treesAt (tree: PatternTree, key: string): PatternTree[] {
  return tree.size === 0 ? [] : key === ROOT ? [tree] : key.split(',').reduce(treesBelow, [tree])
}

/** The parts that patterns state next. */
export function nextParts (trees: readonly PatternTree[]): Set<string> { return new Set(trees.flatMap((tree) => [...tree.keys()])) }

function openPart (part: string): string { return `${part.slice(0, part.indexOf('='))}=*` }

/** A key one level below another one. */
export function keyBelow (key: string, part: string): string { return key === ROOT ? part : `${key},${part}` }

/**
 * Keys with those that patterns distinguish below them: below `model=a`, the pattern `model=*,task=math` makes `model=a,task=math`. Any
 * context has the policy of one of them, if `*` and all keys that state policies are among the keys.
 * @param most after more than so many, no others are sought
 */
export function withPatterns (keys: Iterable<string>, patterns: readonly string[], most = Infinity): Set<string> {
  const all = new Set(keys)
  const tree = patternTree(patterns)
  for (const key of all) {
    for (const part of nextParts(treesAt(tree, key))) {
      all.add(keyBelow(key, part))
      if (all.size > most) return all
    }
  }
  return all
}

/** The pattern that matches a context and leaves the same levels open as another one. @param context which has all levels of that one */
export function patternFor (context: string, pattern: string): string {
  const parts = context.split(',')
  return pattern.split(',').map((part, depth) => isOpen(part) ? part : parts[depth]!).join(',')
}

/** Whether some context lies within both of two keys, of which each may be a pattern. */
export function haveCommonContexts (a: string, b: string): boolean {
  if (a === ROOT || b === ROOT) return true
  const parts = b.split(',')
  return a.split(',').every((part, depth) => {
    const other = parts[depth]
    return other === undefined || part === other || isOpen(part) || isOpen(other)
  })
}

/** Why a key is no pattern of these levels, and what to change; `null`: it is one. */
export function patternProblem (levels: Levels, key: string): string | null {
  const parts = key.split(',')
  const filled = parts.map((part) => isOpen(part) ? `${part.slice(0, -1)}-` : part)
  if (parseContextKey(levels, filled.join(',')) === null) {
    return 'is no pattern: name the levels in order, starting with the first, and write * for the whole value of each that may have any; a * that is part of a value is written %2A'
  }
  const end = parts.findLastIndex((part) => !isOpen(part))
  if (end === parts.length - 1) return null
  const same = parts.slice(0, end + 1).join(',') || ROOT
  return `ends with a level that may have any value: use ${same}, which covers the same contexts`
}
