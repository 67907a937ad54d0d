import type { TreeNode } from './context-tree.js'
import { fitLogistic, type Fit, type Rows } from './logistic-regression.js'

export interface TreeFit {
  /** By context key, of standardised features. */
  readonly weights: ReadonlyMap<string, Float64Array>
  /** Variance of each weight about its parent's, by level of the context tree; that of the root about zero. */
  readonly spread: readonly Float64Array[]
}

/**
 * The root's weights are nearly free: normal with these standard deviations on standardised features (weakly informative, after Gelman,
 * Jakulin, Pittau & Su 2008), so that separable data end at finite weights.
 */
const ROOT_INTERCEPT = 10
const ROOT_SLOPE = 2.5

/** Passes over a level in search of its variances, each one Newton step a context. */
const PASSES = 30
/** Where a level's variances start, and what holds them: as much as one more context that lies this far from its parent. */
const HELD = 0.3

function rootPrior (p: number): Float64Array {
  return Float64Array.from({ length: p }, (_, j) => (j === 0 ? ROOT_INTERCEPT : ROOT_SLOPE) ** 2)
}

/**
 * Weights of each context, level by level from the root, each normal about its parent's with a variance that the level's own contexts tell:
 * empirical Bayes with Laplace's approximation (Gelman & Hill 2007, chapter 14; Breslow & Clayton 1993).
 * A context with little of its own stays near its parent, and all do where contexts do not differ.
 * @param known a fit to nearly the same rows: its variances are taken as they are, and its weights to start from
 */
export function fitTree (levels: ReadonlyArray<readonly TreeNode[]>, rows: ReadonlyMap<string, Rows>, p: number, known?: TreeFit): TreeFit {
  const weights = new Map<string, Float64Array>()
  const spread: Float64Array[] = []
  for (const [depth, nodes] of levels.entries()) {
    const blocksOf = (node: TreeNode) => node.leaves.map((leaf) => rows.get(leaf)!)
    const meanOf = ({ parent }: TreeNode) => parent === null ? new Float64Array(p) : weights.get(parent.key)!
    // An only child is its parent again.
    const own = nodes.filter(({ parent }) => parent === null || parent.children.length > 1)
    const variance = known?.spread[depth] ??
      (depth === 0 ? rootPrior(p) : learnSpread(own.map((node) => ({ blocks: blocksOf(node), mean: meanOf(node) })), p))
    spread.push(variance)
    for (const node of nodes) {
      const mean = meanOf(node)
      const start = known?.weights.get(node.key) ?? mean
      weights.set(node.key, own.includes(node) ? fitLogistic(blocksOf(node), { mean, variance }, start).weights : mean)
    }
  }
  return { weights, spread }
}

interface Sibling { readonly blocks: readonly Rows[], readonly mean: Float64Array }

/**
 * MacKay's fixed point for the variance of each weight: squares of the distances from the parent over how many of them the rows determine
 * (MacKay 1992, "Bayesian interpolation", section 4.4). It takes far fewer passes than expectation-maximisation.
 */
function learnSpread (siblings: readonly Sibling[], p: number): Float64Array {
  let variance = new Float64Array(p).fill(HELD)
  let fits: Fit[] = siblings.map(({ mean }) => ({ weights: mean, variance }))
  for (let pass = 0; pass < PASSES && siblings.length > 0; pass++) {
    fits = siblings.map(({ blocks, mean }, i) => fitLogistic(blocks, { mean, variance }, fits[i]!.weights, 1))
    const next = variance.map((_, j) => {
      let squares = HELD
      let determined = 1
      for (const [i, { mean }] of siblings.entries()) {
        squares += (fits[i]!.weights[j]! - mean[j]!) ** 2
        determined += Math.max(0, 1 - fits[i]!.variance[j]! / variance[j]!)
      }
      return squares / determined
    })
    const isStill = next.every((value, j) => Math.abs(value - variance[j]!) < 0.02 * variance[j]!)
    variance = next
    if (isStill) break
  }
  return variance
}
