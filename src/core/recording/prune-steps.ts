import { GRID } from '../certificate/grid.js'
import type { LoggedOutcome, LoggedStep } from '../grading/outcome.js'
import { scoreStep, type Scorer } from '../predictor/predictor.js'
import { sampledIndexes } from '../predictor/sample.js'

/** A step with its index among all steps that were asked; absent: no step was pruned before it. */
export type PlacedStep = LoggedStep & { readonly place?: number }

/** An outcome without the steps that change no evidence. */
export type PrunedOutcome = Omit<LoggedOutcome, 'steps'> & {
  readonly steps: readonly PlacedStep[] | null
  /** How many steps were asked; absent: none was pruned. */
  readonly asked?: number
}

/** What the kept steps must serve. */
export interface Pruning {
  /** `min_tokens` of each context that learns from the outcome. */
  readonly minTokens: readonly number[]
  /** The predictors on trial in any of these contexts. */
  readonly scorers: readonly Scorer[]
  /** Whether a predictor may be trained on the steps, which needs more than the crossings. */
  readonly isSampled: boolean
}

/**
 * Keeps the steps at which some threshold is first crossed, at most one for each threshold of a grid: others change no evidence. This saves
 * memory, as thousands of outcomes may wait for labels.
 */
export function pruneSteps (outcome: PrunedOutcome, { minTokens, scorers, isSampled }: Pruning): PrunedOutcome {
  const { steps } = outcome
  if (steps === null) return outcome
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
