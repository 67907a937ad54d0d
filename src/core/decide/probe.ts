import type { Arm } from '../assignment/arm.js'
import type { Em } from '../certificate/evidence.js'
import { GRID } from '../certificate/grid.js'
import { scoreStep, type Scorer } from '../predictor/predictor.js'
import type { Rule } from './snapshot.js'

/** What a step says about the probes made so far. */
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
export function isProbeDue (
  { mode, minTokens, trials }: Pick<Rule, 'mode' | 'minTokens' | 'trials'>, arm: Arm, step: Probing, confidence: number | null,
  scoreOf = (scorer: Scorer) => scoreStep(scorer, step.tokens, confidence, step.signals)
): boolean {
  if (arm !== 'control' || mode === 'off' || confidence === null || step.tokens < minTokens) return false
  if (step.em !== undefined || step.answer !== undefined) return false
  let k = 0
  while (k < GRID.length && GRID[k]! > confidence) k++
  if (k < GRID.length && GRID[k]! > (step.probed_score ?? -Infinity)) return true
  return trials.some((scorer) => scoreOf(scorer)! >= scorer.grid.at(-1)!)
}
