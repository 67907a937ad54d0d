import type { Arm } from '../assignment/arm.js'
import type { Em } from '../certificate/stops.js'
import { GRID } from '../certificate/grid.js'
import { scoreStep, type Scorer } from '../predictor/predictor.js'
import type { Rule } from './snapshot.js'

/** The probes so far, as a step reports them. */
export interface Probing {
  readonly tokens: number
  /** Exact Match of the answer probed at this step. */
  readonly em?: Em
  readonly answer?: string
  readonly signals?: Readonly<Record<string, number>>
  /** Highest confidence at which the worker has probed. */
  readonly probed_score?: number | null
}

/**
 * Whether an answer forced at this step is worth its tokens, that is, whether some threshold would first stop here. For the raw confidence
 * those are the thresholds above the highest confidence probed so far and up to this one. Workers do not keep predictors' scores: while a
 * predictor is on trial, every step that reaches its loosest threshold may be a first stop.
 */
export function isProbeDue (rule: Pick<Rule, 'mode' | 'minTokens' | 'trials'>, arm: Arm, step: Probing, confidence: number | null): boolean {
  if (arm !== 'control' || step.em !== undefined || step.answer !== undefined || !canProbe(rule, step.tokens, confidence)) return false
  if (isNewCrossing(confidence, step.probed_score ?? null)) return true
  const { tokens, signals } = step
  return rule.trials.length > 0 && rule.trials.some((scorer) => reachesLoosest(scorer, scoreStep(scorer, tokens, confidence, signals)))
}

/** Whether a control generation may have a first stop at such a step. */
export function canProbe (
  { mode, minTokens }: Pick<Rule, 'mode' | 'minTokens'>, tokens: number, confidence: number | null
): confidence is number {
  return mode !== 'off' && confidence !== null && tokens >= minTokens
}

/** Whether a threshold for the raw confidence lies above the highest confidence probed and up to this one. */
export function isNewCrossing (confidence: number, probed: number | null): boolean {
  let low = 0
  let high = GRID.length
  while (low < high) { // the grid descends
    const middle = (low + high) >> 1
    if (GRID[middle]! > confidence) low = middle + 1; else high = middle
  }
  return low < GRID.length && GRID[low]! > (probed ?? -Infinity)
}

/** Whether a score reaches the loosest threshold of its predictor. */
export function reachesLoosest ({ grid }: Scorer, score: number | null): boolean {
  return score! >= grid.at(-1)!
}
