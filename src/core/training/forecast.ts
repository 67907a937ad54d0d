import type { Interval } from './reading.js'
import { lineAt, theilSen } from './trend.js'

/** What the next checkpoints are expected to find. */
export interface Forecast {
  readonly step: number
  readonly value: number
  /** `null`: too few checkpoints to calibrate it. */
  readonly interval: Interval | null
}

/** How forecasts made in the past would have fared, each with what was known then. */
export interface Coverage {
  readonly held_out: number
  readonly covered: number
}

/** Chance that an interval holds the checkpoint it speaks of. */
export const FORECAST_LEVEL = 0.9
/** How many checkpoints ahead. */
export const HORIZON = 3
/** Points a line is drawn through, and past errors an interval is made of: the recent ones, since runs change. */
const LINE = 6
const ERRORS = 30
/** Newest forecasts that are held against what came. */
const HELD_OUT = 200
/** Share of the slope that is believed: a line through noise overshoots (damped trend: Gardner & McKenzie 1985). */
const DAMPING = 0.7

/** Where values are bounded or grow in proportion, they are forecast on another scale. */
export interface Scale { readonly to: (value: number) => number, readonly from: (value: number) => number }
export const EM_SCALE: Scale = { to: (em) => em, from: (value) => Math.min(1, Math.max(0, value)) }
export const TOKENS_SCALE: Scale = { to: (tokens) => Math.log(Math.max(tokens, 1)), from: Math.exp }

/**
 * The next checkpoints of a series, at its usual distance. Each interval is as wide as forecasts over the same distance have missed so far
 * (split conformal prediction: Vovk, Gammerman & Shafer 2005; on sequences with the recent errors alone, as EnbPI: Xu & Xie 2021).
 */
export function forecast (steps: readonly number[], values: readonly number[], scale: Scale): Forecast[] {
  if (steps.length < 2) return []
  const scaled = values.map(scale.to)
  const gap = usualGap(steps)
  return Array.from({ length: HORIZON }, (_, i) => {
    const ahead = i + 1
    const step = steps.at(-1)! + ahead * gap
    const value = predict(steps, scaled, steps.length, step)
    const half = halfWidth(missesAt(steps, scaled, ahead, ERRORS))
    const interval = half === null ? null : { low: scale.from(value - half), high: scale.from(value + half) }
    return { step, value: scale.from(value), interval }
  })
}

/** Of the last one-step intervals that could have been given, how many held. */
export function coverage (steps: readonly number[], values: readonly number[], scale: Scale): Coverage {
  const misses = missesAt(steps, values.map(scale.to), 1, HELD_OUT + ERRORS)
  let held_out = 0
  let covered = 0
  for (let i = Math.max(0, misses.length - HELD_OUT); i < misses.length; i++) {
    const half = halfWidth(misses.slice(0, i))
    if (half === null) continue
    held_out++
    if (misses[i]! <= half) covered++
  }
  return { held_out, covered }
}

/** How far a forecast over this many checkpoints was off, at the last points that there was one of. */
function missesAt (steps: readonly number[], scaled: readonly number[], ahead: number, most: number): number[] {
  const misses: number[] = []
  for (let known = Math.max(2, steps.length - ahead - most + 1); known + ahead <= steps.length; known++) {
    const target = known + ahead - 1
    misses.push(Math.abs(scaled[target]! - predict(steps, scaled, known, steps[target]!)))
  }
  return misses
}

/** The conformal quantile: the ceil((m + 1) level)-th smallest of m misses; `null` where there is none. */
function halfWidth (misses: readonly number[]): number | null {
  const recent = misses.slice(-ERRORS).sort((a, b) => a - b)
  return recent[Math.ceil((recent.length + 1) * FORECAST_LEVEL) - 1] ?? null
}

/** From the first `known` points, at a later step. */
function predict (steps: readonly number[], scaled: readonly number[], known: number, step: number): number {
  const from = Math.max(0, known - LINE)
  const xs = steps.slice(from, known)
  const ys = scaled.slice(from, known)
  const slope = theilSen(xs, ys)!.slope
  const last = xs.at(-1)!
  return lineAt(xs, ys, slope, last) + DAMPING * slope * (step - last)
}

/** Median distance of the last checkpoints, steps. */
export function usualGap (steps: readonly number[]): number {
  const gaps = steps.slice(1).map((step, i) => step - steps[i]!).slice(-LINE).sort((a, b) => a - b)
  return gaps[gaps.length >> 1] ?? 1
}
