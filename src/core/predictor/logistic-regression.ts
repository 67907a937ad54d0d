import { cholesky, inverseDiagonal, solve } from './cholesky.js'

/** Weighted rows to regress on: `x` holds `y.length` rows of p features, `y` 0 or 1. */
export interface Rows {
  readonly x: Float64Array
  readonly y: Uint8Array
  readonly weight: Float64Array
}

/** What the weights are taken to be before a row is seen: independent normals. */
export interface Prior {
  readonly mean: Float64Array
  readonly variance: Float64Array
}

export interface Fit {
  readonly weights: Float64Array
  /** Of the weights' posterior, by Laplace's approximation: the diagonal of the inverse Hessian. */
  readonly variance: Float64Array
}

const MOST_ITERATIONS = 50
const MOST_HALVINGS = 20

/** Minus the log posterior, its gradient and its Hessian (lower triangle). */
interface Curvature { readonly loss: number, readonly gradient: Float64Array, readonly hessian: Float64Array }

/** -ln P(y | z) for z = log-odds of 1, without overflow. */
function lossOf (z: number, y: number): number {
  return Math.log1p(Math.exp(-Math.abs(z))) + (z > 0 ? (1 - y) * z : -y * z)
}

function penaltyOf (weights: Float64Array, { mean, variance }: Prior): number {
  return weights.reduce((sum, weight, j) => sum + (weight - mean[j]!) ** 2 / (2 * variance[j]!), 0)
}

/** Minus the log posterior at these weights, and how it bends there. */
export function curvatureAt (blocks: readonly Rows[], weights: Float64Array, prior: Prior): Curvature {
  const p = weights.length
  const gradient = new Float64Array(p)
  const hessian = new Float64Array(p * p)
  let loss = penaltyOf(weights, prior)
  for (const { x, y, weight } of blocks) {
    for (let row = 0, at = 0; row < y.length; row++, at += p) {
      let z = 0
      for (let j = 0; j < p; j++) z += weights[j]! * x[at + j]!
      const mu = 1 / (1 + Math.exp(-z))
      const residual = weight[row]! * (mu - y[row]!)
      const curvature = weight[row]! * mu * (1 - mu)
      loss += weight[row]! * lossOf(z, y[row]!)
      for (let j = 0; j < p; j++) {
        gradient[j]! += residual * x[at + j]!
        const bent = curvature * x[at + j]!
        for (let k = 0; k <= j; k++) hessian[j * p + k]! += bent * x[at + k]!
      }
    }
  }
  for (let j = 0; j < p; j++) {
    gradient[j]! += (weights[j]! - prior.mean[j]!) / prior.variance[j]!
    hessian[j * p + j]! += 1 / prior.variance[j]!
  }
  return { loss, gradient, hessian }
}

/**
 * Most probable weights of a logistic regression: Newton's method on the log posterior, which is iteratively reweighted least squares
 * with a ridge toward the prior's mean (McCullagh & Nelder 1989, section 4.4; Bishop 2006, section 4.3.3). It is strictly concave, and a
 * step that does not go up is halved, so that it ends, also where the rows are separable.
 * @param start where to begin; the closer, the fewer passes over the rows
 * @param iterations at most so many steps
 */
export function fitLogistic (blocks: readonly Rows[], prior: Prior, start: Float64Array, iterations = MOST_ITERATIONS): Fit {
  const p = start.length
  let weights = start
  let curvature = curvatureAt(blocks, weights, prior)
  let factor = cholesky(curvature.hessian, p)
  for (let iteration = 0; iteration < iterations; iteration++) {
    const step = solve(factor, p, curvature.gradient)
    // Half the squared Newton decrement: how much higher the top is, to second order (Boyd & Vandenberghe 2004, section 9.5).
    const decrement = step.reduce((sum, size, j) => sum + size * curvature.gradient[j]!, 0) / 2
    if (!(decrement > 1e-10)) break
    const last = curvature
    const lastWeights = weights
    for (let halvings = 0, scale = 1; halvings < MOST_HALVINGS; halvings++, scale /= 2) {
      weights = lastWeights.map((weight, j) => weight - scale * step[j]!)
      curvature = curvatureAt(blocks, weights, prior)
      if (curvature.loss <= last.loss) break
    }
    if (!(curvature.loss <= last.loss)) return { weights: lastWeights, variance: inverseDiagonal(factor, p) } // as high as rounding lets it
    factor = cholesky(curvature.hessian, p)
  }
  return { weights, variance: inverseDiagonal(factor, p) }
}
