import { median } from '../scores/features.js'

/** Chance that an interval contains the value of its checkpoint. */
export const FORECAST_LEVEL = 0.9
/** Number of checkpoints that are forecast. */
export const HORIZON = 3
/** Number of recent points that a line is fitted to, and of recent errors that an interval is based on. */
const LINE = 6
const ERRORS = 30
/** Number of recent forecasts in the backtest. */
const HELD_OUT = 200
/** Factor on the slope, since a line fitted to noise overshoots (damped trend: Gardner & McKenzie 1985). */
const DAMPING = 0.7

/** A transformation to the scale that values are forecast on: EM is bounded, tokens change in proportion. */
interface Scale { readonly to: (value: number) => number, readonly from: (value: number) => number }
export const EM_SCALE: Scale = { to: (em) => em, from: (value) => Math.min(1, Math.max(0, value)) }
export const TOKENS_SCALE: Scale = { to: (tokens) => Math.log(Math.max(tokens, 1)), from: Math.exp }

/**
 * Forecasts the next checkpoints of a series, at the usual distance between checkpoints. The width of an interval follows from the errors
 * of past forecasts over the same distance (split conformal prediction: Vovk, Gammerman & Shafer 2005; with recent errors only, as in
 * EnbPI: Xu & Xie 2021).
 * @returns `HORIZON` forecasts, or none for fewer than two points; an interval is `null` if there are too few points to calibrate it
 */
export function forecastSeries (steps: readonly number[], values: readonly number[], scale: Scale) {
  if (steps.length < 2) return []
  const scaled = values.map(scale.to)
  const gap = usualGap(steps)
  return Array.from({ length: HORIZON }, (_, i) => {
    const ahead = i + 1
    const step = steps.at(-1)! + ahead * gap
    const value = predict(steps, scaled, steps.length, step)
    const half = halfWidth(pastErrors(steps, scaled, ahead, ERRORS))
    const interval = half === null ? null : { low: scale.from(value - half), high: scale.from(value + half) }
    return { step, value: scale.from(value), interval }
  })
}

/** How many of the last checkpoints were forecast one step ahead with an interval (`held_out`), and fell into it (`covered`). */
export function forecastCoverage (steps: readonly number[], values: readonly number[], scale: Scale) {
  const errors = pastErrors(steps, values.map(scale.to), 1, HELD_OUT + ERRORS)
  let held_out = 0
  let covered = 0
  for (let i = Math.max(0, errors.length - HELD_OUT); i < errors.length; i++) {
    const half = halfWidth(errors.slice(0, i))
    if (half === null) continue
    held_out++
    if (errors[i]! <= half) covered++
  }
  return { held_out, covered }
}

/** Absolute errors of past forecasts over `ahead` checkpoints, at most the last `most` of them, oldest first. */
function pastErrors (steps: readonly number[], scaled: readonly number[], ahead: number, most: number): number[] {
  const errors: number[] = []
  for (let known = Math.max(2, steps.length - ahead - most + 1); known + ahead <= steps.length; known++) {
    const target = known + ahead - 1
    errors.push(Math.abs(scaled[target]! - predict(steps, scaled, known, steps[target]!)))
  }
  return errors
}

/** The conformal quantile: the ceil((m + 1) level)-th smallest of the last m errors; `null` if m is too small. */
function halfWidth (errors: readonly number[]): number | null {
  const recent = errors.slice(-ERRORS).sort((a, b) => a - b)
  return recent[Math.ceil((recent.length + 1) * FORECAST_LEVEL) - 1] ?? null
}

/** Extrapolates the first `known` points to a later step. */
function predict (steps: readonly number[], scaled: readonly number[], known: number, step: number): number {
  const from = Math.max(0, known - LINE)
  const xs = steps.slice(from, known)
  const ys = scaled.slice(from, known)
  const slope = theilSen(xs, ys)!.slope
  const last = xs.at(-1)!
  return lineAt(xs, ys, slope, last) + DAMPING * slope * (step - last)
}

/** The median distance of the last checkpoints, in steps. */
export function usualGap (steps: readonly number[]): number {
  const gaps = steps.slice(1).map((step, i) => step - steps[i]!).slice(-LINE).sort((a, b) => a - b)
  return gaps[gaps.length >> 1] ?? 1
}

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
