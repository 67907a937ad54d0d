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
