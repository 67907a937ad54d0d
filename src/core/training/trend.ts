import { median } from '../predictor/median.js'

export type Slope = NonNullable<ReturnType<typeof theilSen>>

/**
 * The Theil-Sen estimator: the median of the slopes between all pairs of points (Theil 1950), robust against outliers. The ends of its
 * interval are order statistics of these slopes (Sen 1968): as many of them are below the true slope as the errors have inversions, and the
 * distribution of inversions is known exactly for exchangeable errors. It assumes a straight line, so use it on a short part of a run.
 * @param level chance that the interval misses the true slope
 * @returns the ends of the interval are infinite if there are too few points; `null` if no two points differ in x
 */
export function theilSen (xs: readonly number[], ys: readonly number[], level = 0.05) {
  const slopes: number[] = []
  for (let i = 1; i < xs.length; i++) {
    for (let j = 0; j < i; j++) if (xs[i] !== xs[j]) slopes.push((ys[i]! - ys[j]!) / (xs[i]! - xs[j]!))
  }
  if (slopes.length === 0) return null
  slopes.sort((a, b) => a - b)
  const rank = rankAt(xs.length, level) - (xs.length * (xs.length - 1) / 2 - slopes.length) // Pairs with equal x may lie anywhere.
  return {
    slope: median(slopes),
    low: rank < 1 ? -Infinity : slopes[rank - 1]!,
    high: rank < 1 ? Infinity : slopes[slopes.length - rank]!,
    points: xs.length,
  }
}

/** The value at x of the line with this slope whose intercept is the median residual. */
export function lineAt (xs: readonly number[], ys: readonly number[], slope: number, x: number): number {
  return median(ys.map((y, i) => y - slope * xs[i]!)) + slope * x
}

/** The greatest rank k with 2 P(inversions of n <= k - 1) <= level; 0 if there is none, as for n below 5 at a level of 0.05. */
export function rankAt (n: number, level: number): number {
  let sum = 0
  for (const [k, chance] of inversions(n).entries()) {
    sum += chance
    if (2 * sum > level) return k
  }
  return 0
}

const memo = new Map<number, readonly number[]>([[1, [1]]])

/** Probabilities of 0, 1, 2, ... inversions in a random permutation of n elements (the distribution of Kendall's statistic). */
function inversions (n: number): readonly number[] {
  let chances = memo.get(n)
  if (chances === undefined) {
    const fewer = n < 2 ? [1] : inversions(n - 1)
    chances = Array.from({ length: fewer.length + Math.max(0, n - 1) }, (_, k) => {
      let sum = 0
      for (let j = Math.max(0, k - n + 1); j <= Math.min(k, fewer.length - 1); j++) sum += fewer[j]!
      return sum / Math.max(1, n)
    })
    if (n <= 64) memo.set(n, chances)
  }
  return chances
}
