import { GRID } from './grid.js'
import type { LoggedOutcome, LoggedStep } from './outcome.js'

/** A step with its place among all that were asked. */
export type PlacedStep = LoggedStep & { readonly place: number }

/** An outcome without the steps that say nothing. */
export type ThinOutcome = Omit<LoggedOutcome, 'steps'> & {
  readonly steps: readonly PlacedStep[] | null
  /** How many were asked. */
  readonly asked: number
}

/**
 * Keeps the steps at which some threshold of the grid is first crossed, at most one a threshold: the others change no evidence. Thousands
 * of outcomes may wait for their labels.
 * @param minTokens what each context that learns from it lets no stop come before
 */
export function thinSteps (outcome: LoggedOutcome, minTokens: readonly number[]): ThinOutcome {
  const { steps } = outcome
  if (steps === null) return { ...outcome, steps, asked: 0 }
  const open = minTokens.map(() => GRID.length - 1) // thresholds 0..open are not crossed yet
  const kept: PlacedStep[] = []
  for (const [place, step] of steps.entries()) {
    let isFirst = false
    for (const [i, min] of minTokens.entries()) {
      if (step.tokens < min || step.confidence === null) continue
      while (open[i]! >= 0 && step.confidence >= GRID[open[i]!]!) { open[i]!--; isFirst = true }
    }
    if (isFirst) kept.push({ ...step, place })
  }
  return { ...outcome, steps: kept, asked: steps.length }
}
