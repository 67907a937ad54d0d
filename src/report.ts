import type { Config } from './config.js'
import { unknownLevel } from './core/context.js'
import { gradeOutcome, outcomeProblem, type ReportedOutcome } from './core/outcome.js'
import type { Problem } from '../openapi/validation.js'
import { StoreUnavailableError, type Store } from './store/store.js'

/** What the schema can't say about an outcome: an unknown level, or parts that contradict each other. */
export function reportProblem ({ levels }: Config, outcome: ReportedOutcome): Problem | null {
  const level = outcome.context === undefined ? null : unknownLevel(levels, outcome.context)
  if (level !== null) return { path: `/context/${level}`, message: `unknown context level: the levels are ${levels.join(', ')} (CONTEXT_LEVELS)` }
  return outcomeProblem(outcome)
}

/**
 * Grades outcomes and stores them; resolves once they are durable.
 * @returns for each whether it is new (a repeated generation_id is not)
 * @throws StoreUnavailableError: send them all again
 */
export async function report (store: Store, salt: string | null, outcomes: readonly ReportedOutcome[]): Promise<boolean[]> {
  if (salt === null) throw new StoreUnavailableError('the store was not reached yet')
  return await store.append(outcomes.map((outcome) => gradeOutcome(salt, outcome)))
}
