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

/** A function of the weights at a point: its value, gradient and Hessian (lower triangle). */
export interface Curvature { readonly loss: number, readonly gradient: Float64Array, readonly hessian: Float64Array }

/** Weights, and minus the log likelihood of the rows around them: all a step needs to know of the rows, whatever the prior. */
export interface Point { readonly weights: Float64Array, readonly likelihood: Curvature }

export interface Fit extends Point {
  /** Of the weights' posterior, by Laplace's approximation: the diagonal of the inverse Hessian. */
  readonly variance: Float64Array
}

const MOST_ITERATIONS = 50
const MOST_HALVINGS = 20

/** One pass over the rows. */
export function pointAt (blocks: readonly Rows[], weights: Float64Array): Point {
  const p = weights.length
  const gradient = new Float64Array(p)
  const hessian = new Float64Array(p * p)
  let loss = 0
  for (const { x, y, weight } of blocks) {
    for (let row = 0, at = 0; row < y.length; row++, at += p) {
      let z = 0
      for (let j = 0; j < p; j++) z += weights[j]! * x[at + j]!
      const small = Math.exp(-Math.abs(z))
      const mu = (z > 0 ? 1 : small) / (1 + small)
      loss += weight[row]! * (Math.log(1 + small) + (z > 0 ? z : 0) - y[row]! * z) // -ln P(y | z)
      const residual = weight[row]! * (mu - y[row]!)
      const curvature = weight[row]! * mu * (1 - mu)
      for (let j = 0; j < p; j++) {
        gradient[j]! += residual * x[at + j]!
        const bent = curvature * x[at + j]!
        for (let k = 0; k <= j; k++) hessian[j * p + k]! += bent * x[at + k]!
      }
    }
  }
  return { weights, likelihood: { loss, gradient, hessian } }
}

/** Minus the log posterior. */
export function posteriorAt ({ weights, likelihood }: Point, { mean, variance }: Prior): Curvature {
  const p = weights.length
  const gradient = likelihood.gradient.map((slope, j) => slope + (weights[j]! - mean[j]!) / variance[j]!)
  const hessian = likelihood.hessian.slice()
  let { loss } = likelihood
  for (let j = 0; j < p; j++) {
    loss += (weights[j]! - mean[j]!) ** 2 / (2 * variance[j]!)
    hessian[j * p + j]! += 1 / variance[j]!
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
export function fitLogistic (blocks: readonly Rows[], prior: Prior, start: Point, iterations = MOST_ITERATIONS): Fit {
  const p = start.weights.length
  let point = start
  let posterior = posteriorAt(point, prior)
  let factor = cholesky(posterior.hessian, p)
  for (let iteration = 0; iteration < iterations; iteration++) {
    const step = solve(factor, p, posterior.gradient)
    // Half the squared Newton decrement: how much higher the top is, to second order (Boyd & Vandenberghe 2004, section 9.5).
    const decrement = step.reduce((sum, size, j) => sum + size * posterior.gradient[j]!, 0) / 2
    if (!(decrement > 1e-8)) break
    const higher = stepFrom(blocks, prior, point, posterior.loss, step)
    if (higher === null) break // as high as rounding lets it
    point = higher
    posterior = posteriorAt(point, prior)
    factor = cholesky(posterior.hessian, p)
  }
  return { ...point, variance: inverseDiagonal(factor, p) }
}

/** The point a step away, or the first half, quarter... of it that is no worse. */
function stepFrom (blocks: readonly Rows[], prior: Prior, { weights }: Point, loss: number, step: Float64Array): Point | null {
  for (let halvings = 0, scale = 1; halvings < MOST_HALVINGS; halvings++, scale /= 2) {
    const next = pointAt(blocks, weights.map((weight, j) => weight - scale * step[j]!))
    if (posteriorAt(next, prior).loss <= loss) return next
  }
  return null
}
