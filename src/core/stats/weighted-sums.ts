/** Sums over units of products of their numbers of samples n and values t: n n, n t and t t. */
export interface Products { readonly nn: number, readonly nt: number, readonly tt: number }

export const NO_PRODUCTS: Products = { nn: 0, nt: 0, tt: 0 }

export function addProducts (sums: Products, { nn, nt, tt }: Products, weight: number): Products {
  return { nn: sums.nn + weight * nn, nt: sums.nt + weight * nt, tt: sums.tt + weight * tt }
}

/** The samples of a unit so far, and the sum of their values. */
export interface UnitSoFar { readonly samples: number, readonly sum: number }

const NOTHING: UnitSoFar = { samples: 0, sum: 0 }

/** By how much the products of a unit rise with one more sample. */
export function productsOf (value: number, { samples: n, sum: t }: UnitSoFar = NOTHING): Products {
  return { nn: 2 * n + 1, nt: n * value + t + value, tt: value * (2 * t + value) }
}

/** The sum over units of (t - mean n)^2. */
export function squaresAbout (mean: number, { nn, nt, tt }: Products): number {
  return Math.max(0, tt - 2 * mean * nt + mean * mean * nn)
}

/** An estimate with its 95 % interval. */
export interface Estimate { readonly estimate: number, readonly low: number, readonly high: number }

/** Normal quantile of the intervals. */
export const Z = 1.96

/** Quantile of the intervals of Student's t, by the first terms of its expansion about the normal (Abramowitz & Stegun 1964, 26.7.5). */
export function studentQuantile (freedom: number): number {
  return Z + (Z ** 3 + Z) / (4 * freedom) + (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * freedom * freedom)
}
