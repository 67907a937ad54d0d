import type { Arm } from './arm.js'
import type { Em } from './evidence.js'
import { GRID } from './grid.js'
import type { Rule } from './snapshot.js'

/** What a step says of the probes made so far. */
export interface Probing {
  readonly tokens: number
  /** The probe made at this very step. */
  readonly em?: Em
  readonly answer?: string
  /** Highest score at which the worker has probed. */
  readonly probed_score?: number | null
}

/**
 * Whether an answer forced at this step is worth its tokens: whether some threshold would stop here first. Those up to the highest score
 * probed have had their stop; those above the score have it yet to come.
 */
export function isProbeDue ({ mode, minTokens }: Pick<Rule, 'mode' | 'minTokens'>, arm: Arm, step: Probing, score: number | null): boolean {
  if (arm !== 'control' || mode === 'off' || score === null || step.tokens < minTokens) return false
  if (step.em !== undefined || step.answer !== undefined) return false
  let k = 0
  while (k < GRID.length && GRID[k]! > score) k++
  return k < GRID.length && GRID[k]! > (step.probed_score ?? -Infinity)
}
