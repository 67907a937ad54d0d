import { GRID } from '../certificate/grid.js'
import type { LoggedOutcome, LoggedStep } from '../grading/outcome.js'
import { scoreStep, type Scorer } from '../predictor/predictor.js'
import { sampledIndexes } from '../predictor/sample.js'

/** A step with its place among all that were asked. */
export type PlacedStep = LoggedStep & { readonly place: number }

/** An outcome without the steps that say nothing. */
export type PrunedOutcome = Omit<LoggedOutcome, 'steps'> & {
  readonly steps: readonly PlacedStep[] | null
  /** How many were asked. */
  readonly asked: number
}

/** What to keep steps for. */
export interface Pruning {
  /** What each context that learns from them lets no stop come before. */
  readonly minTokens: readonly number[]
  /** Of the predictors on trial in any of them. */
  readonly scorers: readonly Scorer[]
  /** Whether a predictor may learn from them, which needs more than where thresholds are crossed. */
  readonly isSampled: boolean
}

/**
 * Keeps the steps at which some threshold is first crossed, at most one for each of a grid: the others change no evidence. Thousands of
 * outcomes may wait for their labels.
 */
export function pruneSteps (outcome: LoggedOutcome, { minTokens, scorers, isSampled }: Pruning): PrunedOutcome {
  const { steps } = outcome
  if (steps === null) return { ...outcome, steps, asked: 0 }
  const kept = new Set(isSampled ? sampledIndexes(steps) : [])
  for (const min of new Set(minTokens)) {
    keepCrossings(kept, steps, min, GRID, ({ confidence }) => confidence)
    for (const scorer of scorers) {
      keepCrossings(kept, steps, min, scorer.grid, (step) => scoreStep(scorer, step.tokens, step.confidence, step.signals))
    }
  }
  return { ...outcome, steps: steps.flatMap((step, place) => kept.has(place) ? [{ ...step, place }] : []), asked: steps.length }
}

function keepCrossings (
  kept: Set<number>, steps: readonly LoggedStep[], min: number, grid: readonly number[], scoreOf: (step: LoggedStep) => number | null
): void {
  let open = grid.length - 1 // thresholds 0..open are not crossed yet
  for (const [place, step] of steps.entries()) {
    const score = step.tokens < min ? null : scoreOf(step)
    if (score === null || open < 0 || score < grid[open]!) continue
    kept.add(place)
    while (open >= 0 && score >= grid[open]!) open--
  }
}
