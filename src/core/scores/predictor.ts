import type { SignalScale, ContextWeights, Scorer } from '../decide/scorer.js'
import { chainOf, type Levels, parseContextKey, ROOT } from '../policy/context.js'
import { CONFIDENCE, type Label, TOKENS } from '../policy/policy.js'
import type { HeldOutSavings } from './held-out-savings.js'

/** Bounds on the number of a predictor's thresholds. Predictors trained here have the most allowed, as many as the raw confidence. */
export const MIN_THRESHOLDS = 2
export const MAX_THRESHOLDS = 30

export function isGridLength (thresholds: number): boolean {
  return Number.isInteger(thresholds) && thresholds >= MIN_THRESHOLDS && thresholds <= MAX_THRESHOLDS
}

/** Calibration on held-out groups; every generation has the same weight. */
export interface Calibration {
  readonly generations: number
  readonly steps: number
  /** Mean squared error of P(EM is not lost), and of the raw confidence read as that probability. */
  readonly brier: number
  readonly brier_confidence: number
  /** Expected calibration error over the bins of `reliability`. */
  readonly ece: number
  readonly ece_confidence: number
  /** Bins by predicted probability, lowest first: the mean prediction, the share that lost nothing, and the share of the total weight. */
  readonly reliability: Array<{ readonly predicted: number, readonly observed: number, readonly weight: number }>
}

/**
 * A model of P(EM is not lost by stopping now), logistic in its features. It holds everything that a score is computed from and never
 * changes, so evidence that was gathered for its scores stays valid.
 */
export interface Predictor {
  readonly name: string
  readonly label: Label
  /** Context levels that it was trained with, joined by commas. */
  readonly levels: string
  readonly signals: readonly SignalScale[]
  /** By context key. The root is always listed; a context that is not listed uses its nearest listed ancestor. */
  readonly contexts: Readonly<Record<string, ContextWeights>>
  /** Thresholds, safest first, `MIN_THRESHOLDS` to `MAX_THRESHOLDS` of them. */
  readonly grid: readonly number[]
  readonly trained: {
    readonly generations: number
    readonly steps: number
    /** `u` of each group that it was trained on. These groups are not evidence for it. */
    readonly groups: readonly number[]
  }
  /** Absent if the predictor was imported without it. */
  readonly calibration?: Calibration
  /** By key of the context that gathers the evidence. Absent if the predictor was imported without it. */
  readonly held_out_savings?: Readonly<Record<string, HeldOutSavings>>
}

/** The parts of a predictor that scores are computed from. */
export type Weights = Pick<Predictor, 'name' | 'contexts' | 'signals'>

export function scorerFor ({ name, grid, contexts, signals }: Weights & Pick<Predictor, 'grid'>, key: string): Scorer {
  const nearest = chainOf(key).findLast((link) => Object.hasOwn(contexts, link))!
  const { log_median, length_power = 0, weights } = contexts[nearest]!
  return { name, grid, log_median, length_power, weights, signals }
}

/** Checks of an imported predictor that its schema cannot express. @returns the first problem found, or `null` */
export function predictorProblem (
  { name, levels, signals, contexts, grid }: Predictor, own: Levels): { path: string, message: string } | null {
  if (name === CONFIDENCE || name === TOKENS || name.startsWith('auto-')) {
    return { path: '/name', message: `must not be "${name}": "confidence", "tokens" and names that start with "auto-" are reserved for the service` }
  }
  if (levels !== own.join()) return { path: '/levels', message: `must be "${own.join()}", the context levels of this service (CONTEXT_LEVELS)` }
  if (!Object.hasOwn(contexts, ROOT)) return { path: '/contexts', message: `must contain the root context "${ROOT}", which scores contexts that are not listed` }
  for (const [key, { weights }] of Object.entries(contexts)) {
    if (parseContextKey(own, key) === null) return { path: `/contexts/${key}`, message: 'must be a context key with the levels of this service' }
    if (weights.length === 4 + signals.length) continue
    return { path: `/contexts/${key}/weights`, message: `must be ${4 + signals.length} numbers: intercept, confidence, length, their product, and one for each signal` }
  }
  const names = new Set(signals.map(({ name }) => name))
  if (names.size < signals.length) return { path: '/signals', message: 'must name each signal only once' }
  const isFalling = grid.every((threshold, k) => k === 0 || threshold < grid[k - 1]!)
  if (!isGridLength(grid.length) || !isFalling) {
    return { path: '/grid', message: `must be ${MIN_THRESHOLDS} to ${MAX_THRESHOLDS} thresholds, each below the one before` }
  }
  return null
}
