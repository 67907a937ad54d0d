import { CONFIDENCE, TOKENS } from '../policy/policy.js'
import { BUDGETS, GRID } from './grid.js'

/**
 * How a step becomes a score: its raw confidence, its token count (thinking budgets), or the output of a predictor, which is computed here
 * and fitted in `scores/`.
 */

/** Clamps to [0, 1]: float32 workers overshoot by up to 1e-6, which the schemas accept. */
export function clampConfidence (confidence: number | null): number | null {
  return confidence === null ? null : Math.min(1, Math.max(0, confidence))
}

/** A signal is standardised as (value - mean) / scale. */
export interface SignalScale { readonly name: string, readonly mean: number, readonly scale: number }

/** The parameters of a predictor in one context. */
export interface ContextWeights {
  /** ln of the context's median full length in tokens. */
  readonly log_median: number
  /** Power of the relative length, see `relativeLength`; absent: 0. */
  readonly length_power?: number
  /** The intercept, then the slopes of the log-odds of the confidence, the relative length, their product, and each signal. */
  readonly weights: readonly number[]
}

/** A predictor with the parameters of one context. */
export interface Scorer extends Required<ContextWeights> {
  readonly name: string
  /** Thresholds, safest first. */
  readonly grid: readonly number[]
  readonly signals: readonly SignalScale[]
}

/** A predictor; `null`: the raw confidence; `tokens`: the token count. */
export type ScoredBy = Scorer | typeof TOKENS | null

/** No worker reports more tokens. */
export const MAX_TOKENS = 1_000_000_000

/** A step as it is scored. */
interface Scored {
  readonly tokens: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>>
  /** The generation goes round in a loop: the step reaches every threshold of every score. */
  readonly repeats?: boolean
}

/** The score of a step; `null`: it has none, since its confidence is unknown. */
export function scoreOf (by: ScoredBy, step: Scored): number | null {
  if (step.repeats === true) return by === TOKENS ? MAX_TOKENS : 1
  if (by === null) return step.confidence
  return by === TOKENS ? step.tokens : scoreStep(by, step.tokens, step.confidence, step.signals)
}

/** The thresholds of a score, safest first. */
export function gridOf (by: ScoredBy): readonly number[] { return by === null ? GRID : by === TOKENS ? BUDGETS : by.grid }

/** The predictor, where one scores. */
export function predictorIn (by: ScoredBy): Scorer | null { return by === TOKENS ? null : by }

/** What decisions call a score. */
export function nameOf (by: ScoredBy): string { return by === null ? CONFIDENCE : by === TOKENS ? TOKENS : by.name }

const ASCENDING_BUDGETS = [...BUDGETS].reverse()

/** The token counts at which generations are checked; `undefined`: a policy's distances decide. */
export function checkCountsOf (by: ScoredBy): readonly number[] | undefined { return by === TOKENS ? ASCENDING_BUDGETS : undefined }

/** Log-odds are clamped to this, so that a confidence of 0 or 1 gives a finite number. */
const MAX_LOG_ODDS = 12
/** Standardised signals are clamped to this, so that an outlier does not decide a score alone. */
const MAX_STANDARDISED = 8

/** ln(p / (1 - p)), clamped. */
export function logOdds (p: number): number {
  return Math.min(MAX_LOG_ODDS, Math.max(-MAX_LOG_ODDS, Math.log(p / (1 - p))))
}

/** Lengths are clamped to this many medians (except under a power of 0), since a miscounting worker may report any number. */
export const MAX_MEDIANS = 100
const MAX_LOG_MEDIANS = Math.log(MAX_MEDIANS)

/**
 * The relative length as a feature: (r^power - 1) / power with r = tokens / median full length, and its limit ln r for a power of 0 (Box &
 * Cox 1964, "An analysis of transformations").
 */
export function relativeLength (tokens: number, { log_median, length_power: power }: Pick<Scorer, 'log_median' | 'length_power'>): number {
  const log = Math.log(Math.max(1, tokens)) - log_median
  return power === 0 ? log : Math.expm1(power * Math.min(log, MAX_LOG_MEDIANS)) / power
}

/** A standardised, clamped signal. */
export function standardised (value: number, { mean, scale }: SignalScale): number {
  return Math.min(MAX_STANDARDISED, Math.max(-MAX_STANDARDISED, (value - mean) / scale))
}

/** The value that a step has for the i-th signal of a predictor, if any. */
type SignalAt = (i: number) => number | null | undefined

/**
 * The score of a step: P(EM is not lost by stopping now). An absent signal counts as its mean.
 * @param confidence in [0, 1]
 * @returns in [0, 1]; `null` if the confidence is unknown or the weights give no number
 */
export function scoreStep (
  scorer: Scorer, tokens: number, confidence: number | null, values: Readonly<Record<string, number>> | undefined
): number | null {
  return scoreBy(scorer, tokens, confidence, (i) => {
    const { name } = scorer.signals[i]!
    return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined // A signal may be named `constructor`.
  })
}

/** `scoreStep` for signals in any representation. */
function scoreBy (
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
