import { sameThreshold, type Checkpoint } from './checkpoint.js'
import type { Series } from './run.js'

/** A checkpoint's figures, as trends and verdicts read them. */
export interface Reading {
  readonly step: number
  readonly em: number
  /** Standard error of `em`, above 0. */
  readonly stderr: number
  readonly tokens: number
  readonly n: number
  readonly truncated: number | null
}

export interface Interval { readonly low: number, readonly high: number }

/** Two-sided 95 %. */
export const Z = 1.959964

/**
 * The newest attempt at each step, in their order, of those evaluated under the threshold that the newest step was last evaluated under:
 * stopped early, other weights and the same may differ in EM and tokens for that alone.
 */
export function readingsOf ({ points }: Series): Reading[] {
  const newest = points.at(-1)?.attempts.at(-1)?.checkpoint
  return points.flatMap(({ attempts }) => {
    const alike = attempts.findLast(({ checkpoint }) => sameThreshold(checkpoint, newest!))?.checkpoint
    if (alike === undefined) return []
    const { step, em, n, tokens_mean: tokens, truncated_rate: truncated = null, ...rest } = alike
    return [{ step, em, stderr: stderrOf({ em, n, ...rest }), tokens, n, truncated }]
  })
}

/** As given, else binomial; all right or all wrong is no certainty, so with two answers more of each kind (Agresti & Coull 1998). */
export function stderrOf ({ em, n, em_stderr: given }: Pick<Checkpoint, 'em' | 'n' | 'em_stderr'>): number {
  if (given !== undefined && given > 0) return given
  const p = em > 0 && em < 1 ? em : (em * n + 2) / (n + 4)
  return Math.sqrt(p * (1 - p) / n)
}

/** 95 % interval of EM: about a given standard error normal, else Wilson's (1927) for a share of n. */
export function emInterval ({ em, n, em_stderr: given }: Pick<Checkpoint, 'em' | 'n' | 'em_stderr'>): Interval {
  if (given !== undefined && given > 0) return { low: Math.max(0, em - Z * given), high: Math.min(1, em + Z * given) }
  return wilson(em, n, Z)
}

/** Wilson's score interval for a share p of n at z standard errors. */
export function wilson (p: number, n: number, z: number): Interval {
  const centre = (p + z * z / (2 * n)) / (1 + z * z / n)
  const half = z / (1 + z * z / n) * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

/** One-sided 95 % point of the normal distribution, where its 95th percentile is. */
const Z95 = 1.644854

/**
 * 95 % interval of mean tokens. Of single responses only percentiles are known: as if they were log-normal, sigma = ln(p95/p50) / 1.645
 * and the mean's relative standard error sqrt((exp(sigma^2) - 1) / n). `null` without both percentiles, or where they
 * are so far apart that the interval says nothing.
 */
export function tokensInterval ({ tokens_mean: mean, tokens_p50: p50, tokens_p95: p95, n }: Checkpoint): Interval | null {
  if (p50 === undefined || p95 === undefined || p50 === 0) return null
  const half = Z * mean * Math.sqrt(Math.expm1((Math.log(p95 / p50) / Z95) ** 2) / n)
  return Number.isFinite(half) ? { low: Math.max(0, mean - half), high: mean + half } : null
}

export function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * How far values lie from between their neighbours, as a standard deviation: checkpoints differ by more than the questions drawn. For
 * independent errors y_i - (y_(i-1) + y_(i+1))/2 has variance 1.5 sigma^2, whatever line they lie about. 0 for fewer than five.
 */
export function scatterOf (values: readonly number[]): number {
  if (values.length < 5) return 0
  const residuals = values.slice(1, -1).map((value, i) => Math.abs(value - (values[i]! + values[i + 2]!) / 2))
  return 1.4826 * median(residuals) / Math.sqrt(1.5)
}
