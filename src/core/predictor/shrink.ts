import type { TreeNode } from './context-tree.js'
import { PRODUCT } from './feature-rows.js'
import { fitLogistic, pointAt, type Point, type Rows } from './logistic-regression.js'

export interface TreeFit {
  /** By context key, of standardised features. */
  readonly weights: ReadonlyMap<string, Float64Array>
  /** Variance of each weight about its parent's, by level of the context tree; that of the root about zero. */
  readonly spread: readonly Float64Array[]
}

/**
 * The root's intercept is nearly free, its slopes are held to the size that features of use have: normal with these standard deviations on
 * standardised features (after Gelman, Jakulin, Pittau & Su 2008), so that separable data end at finite weights. A threshold serves where
 * hardly anything is lost, where few rows tell and wide slopes follow chance: 1 instead of 2.5 saved 3 points of tokens more on GPQA.
 * An interaction is mostly smaller than what interacts: 0.3 instead of 1 saved 5 points more where votes are all there is to know
 * (frontier, GPQA), half a point on AIME, and nothing less elsewhere; 0.2 instead of 0.3 some 0.3 points more on AIME.
 */
const ROOT_INTERCEPT = 10
const ROOT_SLOPE = 1
const ROOT_PRODUCT = 0.2

/** Passes over a level in search of its variances, each one Newton step a context. */
const PASSES = 30
/**
 * Where variances of a level start, and what holds them: so many more contexts whose squared distance from the parent is that. A product's
 * is a quarter of its variance at the root; 0.01 to 0.1 saved the same, within 0.2 points.
 */
const START = 0.3
const START_PRODUCT = 0.01
const HELD_BY = 5

function rootPrior (p: number): Float64Array {
  return Float64Array.from({ length: p }, (_, j) => (j === 0 ? ROOT_INTERCEPT : j === PRODUCT ? ROOT_PRODUCT : ROOT_SLOPE) ** 2)
}

function startOf (p: number): Float64Array {
  return Float64Array.from({ length: p }, (_, j) => j === PRODUCT ? START_PRODUCT : START)
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
    const siblings = nodes.map((node): Sibling => {
      const mean = node.parent === null ? new Float64Array(p) : weights.get(node.parent.key)!
      return { key: node.key, blocks: node.leaves.map((leaf) => rows.get(leaf)!), mean, isOnly: node.parent?.children.length === 1 }
    })
    for (const { key, mean, isOnly } of siblings) if (isOnly) weights.set(key, mean) // the same rows again
    const own = siblings.filter(({ isOnly }) => !isOnly)
    let points = own.map(({ key, blocks, mean }) => pointAt(blocks, known?.weights.get(key) ?? mean))
    let variance = known?.spread[depth] ?? rootPrior(p)
    if (depth > 0 && known === undefined) ({ variance, points } = learnSpread(own, points, p))
    spread.push(variance)
    for (const [i, { key, blocks, mean }] of own.entries()) weights.set(key, fitLogistic(blocks, { mean, variance }, points[i]!).weights)
  }
  return { weights, spread }
}

interface Sibling { readonly key: string, readonly blocks: readonly Rows[], readonly mean: Float64Array, readonly isOnly: boolean }

/**
 * MacKay's fixed point for the variance of each weight: squares of the distances from the parent over how many of them the rows determine
 * (MacKay 1992, "Bayesian interpolation", section 4.4). It takes far fewer passes than expectation-maximisation.
 */
function learnSpread (siblings: readonly Sibling[], starts: Point[], p: number): { variance: Float64Array, points: Point[] } {
  const start = startOf(p)
  let variance = start
  let points = starts
  for (let pass = 0; pass < PASSES && siblings.length > 0; pass++) {
    const fits = siblings.map(({ blocks, mean }, i) => fitLogistic(blocks, { mean, variance }, points[i]!, 1))
    const next = variance.map((_, j) => {
      let squares = HELD_BY * start[j]!
      let determined = HELD_BY
      for (const [i, { mean }] of siblings.entries()) {
        squares += (fits[i]!.weights[j]! - mean[j]!) ** 2
        determined += Math.max(0, 1 - fits[i]!.variance[j]! / variance[j]!)
      }
      return squares / determined
    })
    const isStill = next.every((value, j) => Math.abs(value - variance[j]!) < 0.02 * variance[j]!)
    variance = next
    points = fits
    if (isStill) break
  }
  return { variance, points }
}
