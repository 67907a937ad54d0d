import type { Arm } from '../assignment/arm.js'
import type { Em } from '../certificate/evidence.js'
import { GRID } from '../certificate/grid.js'
import { scoreStep, type Scorer } from '../predictor/predictor.js'
import type { Rule } from './snapshot.js'

/** What a step says of the probes made so far. */
export interface Probing {
  readonly tokens: number
  /** The probe made at this very step. */
  readonly em?: Em
  readonly answer?: string
  readonly signals?: Readonly<Record<string, number>>
  /** Highest confidence at which the worker has probed. */
  readonly probed_score?: number | null
}

/**
 * Whether an answer forced at this step is worth its tokens: whether some threshold would stop here first. Of those for the raw
 * confidence, the ones up to the highest that was probed have had their stop, those above this one have it yet to come. Of a predictor's
 * scores a worker keeps nothing: while one is on trial, whatever reaches its loosest threshold may be a first stop.
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
