import type { FollowUp } from '../contexts/follow-up-counts.js'
import type { Cohort } from '../enrolment/cohort.js'
import type { PrunedOutcome } from './pending-outcomes.js'

/**
 * Whether no entry can be under way: the generation ended before its first check, so it has no arm and no steps. Such outcomes do not wait,
 * since many of them would take the places of others. Those of a group do wait, since another sample may have enrolled it.
 */
export function isNeverAsked ({ arm, steps, steps_complete: isComplete, sample_index: index }: PrunedOutcome): boolean {
  return arm === null && steps?.length === 0 && isComplete && index === null
}

/**
 * Counts control outcomes that nothing enrolled. The evidence leaves their generations out, which nobody drew, so they may be easier or
 * harder than others. That does not hold of those that never asked, since nothing would stop them, and of those that are known: their
 * entry was void, which was counted then, or they belong to the epoch before.
 */
export function countUnenrolled (
  outcomes: readonly PrunedOutcome[], cohort: Cohort, clock: number): Pick<FollowUp, 'unenrolled' | 'unlisted' | 'left_out'> {
  const unknown = outcomes.filter(({ u }) => !cohort.isKnown(u, clock))
  const leftOut = unknown.filter((outcome) => !isNeverAsked(outcome))
  return { unenrolled: outcomes.length, unlisted: unknown.length, left_out: unitsOf(leftOut) }
}

/** A sample of a group is a part of a unit. */
function unitsOf (outcomes: readonly PrunedOutcome[]): number { return outcomes.reduce((sum, { samples = 1 }) => sum + 1 / samples, 0) }
