import type { TreeNode } from './context-tree.js'
import { median } from './median.js'
import type { Sample } from './sample.js'

/** Variance of the median relative to the mean, for normal values in the limit of many. */
const MEDIAN_VARIANCE = Math.PI / 2

/**
 * ln of the median full length of each context, in tokens. It is shrunk toward the parent's, the less so the more siblings differ beyond
 * sampling noise (normal-normal empirical Bayes; Gelman & Hill 2007, section 12.2).
 * @returns by context key
 */
export function typicalLengths (levels: ReadonlyArray<readonly TreeNode[]>, samples: readonly Sample[]): Map<string, number> {
  const logs = new Map<string, number[]>()
  for (const { leaf, tokens } of samples) {
    const list = logs.get(leaf)
    if (list === undefined) logs.set(leaf, [Math.log(tokens)]); else list.push(Math.log(tokens))
  }
  const result = new Map<string, number>()
  for (const nodes of levels) {
    const observed = nodes.map(({ key, parent, leaves }) => {
      const values = leaves.flatMap((leaf) => logs.get(leaf)!)
      const own = median(values)
      const spread = values.reduce((sum, value) => sum + (value - own) ** 2, 0)
      return { key, own, count: values.length, spread, above: parent === null ? own : result.get(parent.key)! }
    })
    const total = observed.reduce((sum, { count }) => sum + count, 0)
    const noise = MEDIAN_VARIANCE * observed.reduce((sum, { spread }) => sum + spread, 0) / total
    const excess = observed.reduce((sum, { own, above, count }) => sum + (own - above) ** 2 - noise / count, 0) / observed.length
    for (const { key, own, above, count } of observed) {
      const trust = noise === 0 ? 1 : Math.max(0, excess) / (Math.max(0, excess) + noise / count)
      result.set(key, above + trust * (own - above))
    }
  }
  return result
}
