/** Weighted rows of a regression: `x` holds `y.length` rows of p features each, row by row; each `y` is 0 or 1. */
export interface Rows {
  readonly x: Float64Array
  readonly y: Uint8Array
  readonly weight: Float64Array
}

/** The prior of the weights: independent normal distributions. */
export interface Prior {
  readonly mean: Float64Array
  readonly variance: Float64Array
}

/** The value, gradient and Hessian (lower triangle) of a loss at some weights. */
interface Curvature { readonly loss: number, readonly gradient: Float64Array, readonly hessian: Float64Array }

/** Weights, and the negative log likelihood of the rows around them: all that a Newton step needs of the rows, for any prior. */
export interface Iterate { readonly weights: Float64Array, readonly likelihood: Curvature }

interface Fit extends Iterate {
  /** Posterior variance of each weight by Laplace's approximation: the diagonal of the inverse Hessian. */
  readonly variance: Float64Array
}

const MAX_ITERATIONS = 50
const MAX_HALVINGS = 20

/** Computes the negative log likelihood and its derivatives in one pass over the rows. */
export function iterateAt (blocks: readonly Rows[], weights: Float64Array): Iterate {
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

/** The negative log posterior and its derivatives. */
export function posteriorAt ({ weights, likelihood }: Iterate, { mean, variance }: Prior): Curvature {
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
 * The most probable weights of a logistic regression, by Newton's method on the log posterior: iteratively reweighted least squares with a
 * ridge toward the prior's mean (McCullagh & Nelder 1989, section 4.4; Bishop 2006, section 4.3.3). The log posterior is strictly concave,
 * and a step that does not increase it is halved, so the method ends even where the rows are separable.
 * @param start the closer to the solution, the fewer passes over the rows
 * @param iterations the largest number of Newton steps
 */
export function fitLogistic (blocks: readonly Rows[], prior: Prior, start: Iterate, iterations = MAX_ITERATIONS): Fit {
  const p = start.weights.length
  let point = start
  let posterior = posteriorAt(point, prior)
  let factor = cholesky(posterior.hessian, p)
  for (let iteration = 0; iteration < iterations; iteration++) {
    const step = solve(factor, p, posterior.gradient)
    // Half the squared Newton decrement estimates the remaining gain to second order (Boyd & Vandenberghe 2004, section 9.5).
    const decrement = step.reduce((sum, size, j) => sum + size * posterior.gradient[j]!, 0) / 2
    if (!(decrement > 1e-8)) break
    const next = backtrack(blocks, prior, point.weights, posterior.loss, step)
    if (next === null) break // The remaining gain is below the rounding error.
    point = next
    posterior = posteriorAt(point, prior)
    factor = cholesky(posterior.hessian, p)
  }
  return { ...point, variance: inverseDiagonal(factor, p) }
}

/** Takes the step, or the first half, quarter and so on of it that does not increase the loss; `null` if none is found. */
function backtrack (
  blocks: readonly Rows[], prior: Prior, from: Float64Array, loss: number, step: Float64Array): Iterate | null {
  for (let halvings = 0, scale = 1; halvings < MAX_HALVINGS; halvings++, scale /= 2) {
    const next = iterateAt(blocks, from.map((weight, j) => weight - scale * step[j]!))
    if (posteriorAt(next, prior).loss <= loss) return next
  }
  return null
}

/**
 * Cholesky factor L of a symmetric positive definite matrix A = L Lᵀ.
 * @param a p x p, row by row; only the lower triangle is read
 * @returns the lower triangle L, p x p, row by row
 */
export function cholesky (a: Float64Array, p: number): Float64Array {
  const l = new Float64Array(p * p)
  for (let i = 0; i < p; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * p + j]!
      for (let k = 0; k < j; k++) sum -= l[i * p + k]! * l[j * p + k]!
      // Rounding may leave a pivot at or below 0.
      l[i * p + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / l[j * p + j]!
    }
  }
  return l
}

/** Solves L Lᵀ x = b. */
export function solve (l: Float64Array, p: number, b: Float64Array): Float64Array {
  const x = Float64Array.from(b)
  for (let i = 0; i < p; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i * p + k]! * x[k]!
    x[i]! /= l[i * p + i]!
  }
  for (let i = p - 1; i >= 0; i--) {
    for (let k = i + 1; k < p; k++) x[i]! -= l[k * p + i]! * x[k]!
    x[i]! /= l[i * p + i]!
  }
  return x
}

/** The diagonal of (L Lᵀ)⁻¹. */
export function inverseDiagonal (l: Float64Array, p: number): Float64Array {
  const diagonal = new Float64Array(p)
  for (let j = 0; j < p; j++) {
    const unit = new Float64Array(p)
    unit[j] = 1
    diagonal[j] = solve(l, p, unit)[j]!
  }
  return diagonal
}
