import { median } from './reading.js'

/** A slope with the interval it lies in. */
export interface Slope {
  readonly slope: number
  /** Ends of the interval; infinite where there are too few points to say. */
  readonly low: number
  readonly high: number
  readonly points: number
}

/**
 * The median of the slopes between all pairs of points (Theil 1950), which a fifth of wild points can't move far. Its interval is between
 * order statistics of those slopes (Sen 1968): the slopes below the true one are as many as inversions in the order of the errors, which
 * for errors that could have come in any order is known exactly. Sound about a straight line, so look at a short piece of a run.
 * @param level chance that the interval misses the true slope
 */
export function theilSen (xs: readonly number[], ys: readonly number[], level = 0.05): Slope | null {
  const slopes: number[] = []
  for (let i = 1; i < xs.length; i++) {
    for (let j = 0; j < i; j++) if (xs[i] !== xs[j]) slopes.push((ys[i]! - ys[j]!) / (xs[i]! - xs[j]!))
  }
  if (slopes.length === 0) return null
  slopes.sort((a, b) => a - b)
  const rank = rankAt(xs.length, level) - (xs.length * (xs.length - 1) / 2 - slopes.length) // a pair that says nothing may lie anywhere
  return {
    slope: median(slopes),
    low: rank < 1 ? -Infinity : slopes[rank - 1]!,
    high: rank < 1 ? Infinity : slopes[slopes.length - rank]!,
    points: xs.length,
  }
}

/** The height of the line at x: its slope, and the median of what is left. */
export function lineAt (xs: readonly number[], ys: readonly number[], slope: number, x: number): number {
  return median(ys.map((y, i) => y - slope * xs[i]!)) + slope * x
}

/** The greatest rank k with 2 P(inversions of n <= k - 1) <= level; 0 where there is none: n below 5 at a level of 0.05. */
export function rankAt (n: number, level: number): number {
  let sum = 0
  for (const [k, chance] of inversions(n).entries()) {
    sum += chance
    if (2 * sum > level) return k
  }
  return 0
}

const memo = new Map<number, readonly number[]>([[1, [1]]])

/** Chances of 0, 1, 2, ... inversions in an order of n things drawn at random (the distribution of Kendall's statistic). */
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
