import { median } from '../scores/features.js'
import { type Checkpoint, sameThreshold } from './checkpoint.js'
import type { Series } from './run.js'

/** The figures of a checkpoint that trends and verdicts use. */
export interface Reading {
  readonly step: number
  readonly em: number
  /** Standard error of `em`, above 0. */
  readonly stderr: number
  /** Mean length of a response. */
  readonly tokens: number
  /** Questions asked. */
  readonly n: number
  /** Share of responses cut off at the token limit; `null`: not reported. */
  readonly truncated: number | null
}

interface Interval { readonly low: number, readonly high: number }

/** Two-sided 95 % point of the normal distribution. */
export const Z = 1.959964

/**
 * The newest attempt at each step, by step. Only evaluations under the threshold of the newest one are included, since stopping early
 * changes EM and tokens of the same weights.
 */
export function readingsOf ({ points }: Series): Reading[] {
  const newest = points.at(-1)?.attempts.at(-1)?.checkpoint
  return points.flatMap(({ attempts }) => {
    const comparable = attempts.findLast(({ checkpoint }) => sameThreshold(checkpoint, newest!))?.checkpoint
    if (comparable === undefined) return []
    const { step, em, n, tokens_mean: tokens, truncated_rate: truncated = null, ...rest } = comparable
    return [{ step, em, stderr: stderrOf({ em, n, ...rest }), tokens, n, truncated }]
  })
}

/**
 * Standard error of EM: as reported, otherwise binomial. If all answers are right or all are wrong, two right and two wrong are added
 * (Agresti & Coull 1998), so that it is never 0.
 */
export function stderrOf ({ em, n, em_stderr: given }: Pick<Checkpoint, 'em' | 'n' | 'em_stderr'>): number {
  if (given !== undefined && given > 0) return given
  const p = em > 0 && em < 1 ? em : (em * n + 2) / (n + 4)
  return Math.sqrt(p * (1 - p) / n)
}

/** 95 % interval of EM: normal if a standard error was reported, otherwise Wilson's (1927) for a share of n. */
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

/** 95th percentile of the normal distribution. */
const Z95 = 1.644854

/**
 * 95 % interval of the mean number of tokens. It assumes log-normal lengths with sigma = ln(p95/p50) / 1.645, so the relative standard
 * error of the mean is sqrt((exp(sigma^2) - 1) / n).
 * @returns `null` without both percentiles, or where they are so far apart that the error is not finite
 */
export function tokensInterval ({ tokens_mean: mean, tokens_p50: p50, tokens_p95: p95, n }: Checkpoint): Interval | null {
  if (p50 === undefined || p95 === undefined || p50 === 0) return null
  const half = Z * mean * Math.sqrt(Math.expm1((Math.log(p95 / p50) / Z95) ** 2) / n)
  return Number.isFinite(half) ? { low: Math.max(0, mean - half), high: mean + half } : null
}

/**
 * The standard deviation of values about the mean of their neighbours, which measures how much checkpoints differ beyond the sampling of
 * questions. For independent errors, y_i - (y_(i-1) + y_(i+1))/2 has variance 1.5 sigma^2 whatever straight line they lie about. The
 * estimate is robust (1.4826 times the median absolute value). 0 for fewer than five values.
 */
export function scatterOf (values: readonly number[]): number {
  if (values.length < 5) return 0
  const residuals = values.slice(1, -1).map((value, i) => Math.abs(value - (values[i]! + values[i + 2]!) / 2))
  return 1.4826 * median(residuals) / Math.sqrt(1.5)
}

/** EM and tokens of a block of consecutive checkpoints. */
export type Level = Readonly<ReturnType<typeof levelOf>>

/** Checkpoints in a block. */
export const BLOCK = 3

/**
 * The level of a block: the precision-weighted mean of EM, and the median of the tokens.
 * @param scatter lower bound on the standard errors, for checkpoints that scatter more than these say (see `scatterOf`)
 */
export function levelOf (block: readonly Reading[], scatter: number) {
  const weights = block.map(({ stderr }) => 1 / Math.max(stderr, scatter) ** 2)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return {
    /** Of the middle checkpoint. */
    step: block[block.length >> 1]!.step,
    em: block.reduce((sum, { em }, i) => sum + em * weights[i]!, 0) / total,
    stderr: 1 / Math.sqrt(total),
    tokens: median(block.map(({ tokens }) => tokens)),
  }
}

/** The levels of all blocks of consecutive checkpoints, oldest first. */
export function levelsOf (readings: readonly Reading[]): Level[] {
  const scatter = scatterOf(readings.map(({ em }) => em))
  return readings.slice(BLOCK - 1).map((_, i) => levelOf(readings.slice(i, i + BLOCK), scatter))
}

/** The highest level by a measure, the latest of equals; `undefined` if there are no levels. */
export function highest (levels: readonly Level[], measure: 'em' | 'tokens'): Level | undefined {
  let best: Level | undefined
  for (const level of levels) if (best === undefined || level[measure] >= best[measure]) best = level
  return best
}

/** How far the EM of the last checkpoint is below the best level before it; 0 if it is not. */
export function lossOf (recent: readonly Reading[]): number {
  const best = highest(levelsOf(recent.slice(0, -1)), 'em')
  return best === undefined ? 0 : Math.max(0, best.em - recent.at(-1)!.em)
}
