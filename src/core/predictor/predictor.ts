import { chainOf } from '../policy/context.js'
import type { Label } from '../policy/policy.js'

/**
 * How many thresholds a predictor has. Those trained here have the most: on real traces 60 save up to one point of tokens more than 30,
 * 120 up to 0.4 more than 60, and 1,000 up to 0.4 more than that, while evidence takes up the more, the more there are.
 */
export const LEAST_THRESHOLDS = 2
export const MOST_THRESHOLDS = 120

export function isGridLength (thresholds: number): boolean {
  return Number.isInteger(thresholds) && thresholds >= LEAST_THRESHOLDS && thresholds <= MOST_THRESHOLDS
}

/** How one signal is standardised: (values[name]! - mean) / scale. */
export interface SignalScale { readonly name: string, readonly mean: number, readonly scale: number }

/** What a predictor knows of one context. */
export interface ContextWeights {
  /** ln of the context's median full length in tokens. */
  readonly log_median: number
  /** Of the relative length (see relativeLength); absent: 0. */
  readonly length_power?: number
  /** Intercept, slopes of the log-odds of the confidence, of the relative length, of their product, then of each signal. */
  readonly weights: readonly number[]
}

/** Calibration on groups it was not fitted on: each generation weighs the same. */
export interface Calibration {
  readonly generations: number
  readonly steps: number
  /** Mean squared error of P(EM is not lost), and that of the raw confidence taken for it. */
  readonly brier: number
  readonly brier_confidence: number
  /** Expected calibration error over the bins of `reliability`. */
  readonly ece: number
  readonly ece_confidence: number
  /** By predicted probability, lowest first: mean prediction, share not lost, share of the weight. */
  readonly reliability: Array<{ readonly predicted: number, readonly observed: number, readonly weight: number }>
}

/**
 * P(EM is not lost by stopping now), logistic in the features of DESIGN section 3. All that a score is computed with is in here and never
 * changes under its name, so that evidence gathered for its scores stays evidence.
 */
export interface Predictor {
  readonly name: string
  readonly label: Label
  /** Context levels it was trained under, joined by commas. */
  readonly levels: string
  readonly signals: readonly SignalScale[]
  /** By context key; the root is always there. What is not there scores as its nearest ancestor that is. */
  readonly contexts: Readonly<Record<string, ContextWeights>>
  /** Its thresholds, safest first, as many as it likes (see MOST_THRESHOLDS), over the range of its scores. */
  readonly grid: readonly number[]
  readonly trained: {
    readonly generations: number
    readonly steps: number
    /** `u` of the groups it was trained on: they are no evidence for it. */
    readonly groups: readonly number[]
  }
  /** Absent where it was imported without. */
  readonly calibration?: Calibration
}

/** A predictor as one context uses it. */
export interface Scorer {
  readonly name: string
  readonly grid: readonly number[]
  readonly log_median: number
  readonly length_power: number
  readonly weights: readonly number[]
  readonly signals: readonly SignalScale[]
}

/** Log-odds are kept within this, so that a confidence of 0 or 1 is a number like any other. */
const MOST_LOG_ODDS = 12
/** And a standardised signal within this, so that a wild one does not decide alone. */
const MOST_SCALES = 8

export function scorerFor ({ name, grid, contexts, signals }: Predictor, key: string): Scorer {
  const nearest = chainOf(key).findLast((link) => Object.hasOwn(contexts, link))!
  const { log_median, length_power = 0, weights } = contexts[nearest]!
  return { name, grid, log_median, length_power, weights, signals }
}

/** ln(p / (1 - p)), within bounds. */
export function logOdds (p: number): number {
  return Math.min(MOST_LOG_ODDS, Math.max(-MOST_LOG_ODDS, Math.log(p / (1 - p))))
}

/** With a power, and where thresholds are spaced, a length counts as so many medians at most: what a worker miscounts may be any number. */
export const MOST_MEDIANS = 100
const MOST_LOG_MEDIANS = Math.log(MOST_MEDIANS)

/**
 * The length as a feature: with r = tokens / median full length (r^power - 1) / power, and its limit ln r where the power is 0 (Box & Cox
 * 1964, "An analysis of transformations").
 */
export function relativeLength (tokens: number, { log_median, length_power: power }: Pick<Scorer, 'log_median' | 'length_power'>): number {
  const log = Math.log(Math.max(1, tokens)) - log_median
  return power === 0 ? log : Math.expm1(power * Math.min(log, MOST_LOG_MEDIANS)) / power
}

/** A signal in its scales, within bounds: what is scored with and what weights are fitted to. */
export function standardised (value: number, { mean, scale }: SignalScale): number {
  return Math.min(MOST_SCALES, Math.max(-MOST_SCALES, (value - mean) / scale))
}

/** What a step has for the i-th of a predictor's signals; nothing where it is absent. */
export type SignalAt = (i: number) => number | null | undefined

/**
 * P(EM is not lost by stopping now), in (0, 1); `null` where the confidence is unknown. A signal that is absent counts as its mean.
 * @param confidence in [0, 1]
 */
export function scoreStep (
  scorer: Scorer, tokens: number, confidence: number | null, values: Readonly<Record<string, number>> | undefined
): number | null {
  return scoreBy(scorer, tokens, confidence, (i) => {
    const { name } = scorer.signals[i]!
    return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined // `constructor` is a name like any other
  })
}

/** The same, wherever the signals are. */
export function scoreBy (
  scorer: Scorer, tokens: number, confidence: number | null, signalAt: SignalAt
): number | null {
  if (confidence === null) return null
  const { weights, signals } = scorer
  const odds = logOdds(confidence)
  const length = relativeLength(tokens, scorer)
  let z = weights[0]! + weights[1]! * odds + weights[2]! * length + weights[3]! * odds * length
  for (let i = 0; i < signals.length; i++) {
    const value = signalAt(i)
    if (value === undefined || value === null) continue
    z += weights[4 + i]! * standardised(value, signals[i]!)
  }
  return Number.isNaN(z) ? null : 1 / (1 + Math.exp(-z))
}
