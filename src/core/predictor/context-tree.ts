import { chainOf, parentKey, ROOT } from '../policy/context.js'

/** A context that has samples, directly or below it. */
export interface TreeNode {
  readonly key: string
  readonly parent: TreeNode | null
  readonly children: TreeNode[]
  /** Keys of the leaves below this context; a leaf lists itself. */
  readonly leaves: string[]
}

/** The leaves and all their ancestors, level by level: first the root alone, then its children, and so on. */
export function contextLevels (leaves: readonly string[]): TreeNode[][] {
  const withSamples = new Set(leaves)
  const nodes = new Map<string, TreeNode>()
  const levels: TreeNode[][] = []
  for (const leaf of [...new Set([ROOT, ...leaves])].sort()) {
    for (const [depth, key] of chainOf(leaf).entries()) {
      let node = nodes.get(key)
      if (node === undefined) {
        const parent = key === ROOT ? null : nodes.get(parentKey(key)!)!
        nodes.set(key, node = { key, parent, children: [], leaves: [] })
        parent?.children.push(node);
        (levels[depth] ??= []).push(node)
      }
      if (withSamples.has(leaf)) node.leaves.push(leaf)
    }
  }
  return levels
}
