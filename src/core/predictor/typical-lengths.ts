import type { TreeNode } from './context-tree.js'
import type { Sample } from './sample.js'

/** A median of n values is about as sure as a mean of n / 1.57 (normal limit: pi/2). */
const MEDIAN_VARIANCE = Math.PI / 2

function median (values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * ln of the median full length of each context, shrunk toward its parent's by how much siblings differ beyond what their own spread
 * explains (normal-normal empirical Bayes; Gelman & Hill 2007, section 12.2).
 */
export function typicalLengths (levels: ReadonlyArray<readonly TreeNode[]>, samples: readonly Sample[]): Map<string, number> {
  const logs = new Map<string, number[]>()
  for (const { leaf, tokens } of samples) {
    const list = logs.get(leaf)
    if (list === undefined) logs.set(leaf, [Math.log(tokens)]); else list.push(Math.log(tokens))
  }
  const result = new Map<string, number>()
  for (const nodes of levels) {
    const seen = nodes.map(({ key, parent, leaves }) => {
      const values = leaves.flatMap((leaf) => logs.get(leaf)!)
      const own = median(values)
      const spread = values.reduce((sum, value) => sum + (value - own) ** 2, 0)
      return { key, own, count: values.length, spread, above: parent === null ? own : result.get(parent.key)! }
    })
    const total = seen.reduce((sum, { count }) => sum + count, 0)
    const noise = MEDIAN_VARIANCE * seen.reduce((sum, { spread }) => sum + spread, 0) / total
    const excess = seen.reduce((sum, { own, above, count }) => sum + (own - above) ** 2 - noise / count, 0) / seen.length
    for (const { key, own, above, count } of seen) {
      const trust = noise === 0 ? 1 : Math.max(0, excess) / (Math.max(0, excess) + noise / count)
      result.set(key, above + trust * (own - above))
    }
  }
  return result
}
