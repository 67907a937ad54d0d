import { chainOf, depthOf, ROOT, type Levels } from './context.js'

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
