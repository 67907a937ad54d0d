import type { Cohort } from '../evidence/cohort.js'
import { countUnits, type Reports } from '../evidence/reports.js'
import { representsGroup } from '../outcome/observed-stop.js'
import type { ContextState } from './context-state.js'
import type { Fold } from './fold.js'
import type { PendingOutcome, PrunedOutcome } from './pending-outcomes.js'

/**
 * Whether no entry can be under way: the generation ended before its first check, so it has no arm and no steps. Such outcomes do not wait,
 * since many of them would take the places of others. Those of a group do wait, since another sample may have enrolled it.
 */
export function isNeverAsked ({ arm, steps, steps_complete: isComplete, sample_index: index }: PrunedOutcome): boolean {
  return arm === null && steps?.length === 0 && isComplete && index === null
}

/**
 * Counts control outcomes that nothing enrolled. The evidence leaves their generations out, which nobody drew, so they may be easier or
 * harder than others. That does not hold of those that never asked, since nothing would stop them, and of those that are explained: their
 * entry was void, which was counted then, or they belong to the epoch before.
 */
export function countUnenrolled (reports: Reports, outcomes: readonly PrunedOutcome[], cohort: Cohort, clock: number): Reports {
  const unknown = outcomes.filter(({ u }) => !cohort.isExplained(u, clock))
  return countUnits(reports, { unenrolled: outcomes.length, unlisted: unknown.length, left_out: unitsOf(unknown.filter(hasAsked)) })
}

/** Whether a control generation of a pool is one that only a new member runs in full. */
export function isOfNew ({ outcome, leaf, key }: PendingOutcome, { rule: { control_share: share } }: ContextState): boolean {
  return leaf !== key && outcome.u >= share
}

/** Takes the control outcomes that have waited for their entry in vain. @param pool state of the context that certifies for them */
export function takeUnlisted ({ pending, cohorts: { clock } }: Fold, pool: ContextState, cohort: Cohort): PrunedOutcome[] {
  return cohort.dropEarly(clock).flatMap(({ generation_id: id }) => {
    const waiting = pending.get(id)
    pending.remove(id)
    return waiting === undefined || isOfNew(waiting, pool) ? [] : [waiting.outcome]
  })
}

/** The control units without an entry among outcomes that nothing enrolled: each came to nothing. Of a group one sample counts. */
export function unitsWithoutEntry (outcomes: readonly PrunedOutcome[], cohort: Cohort, clock: number): boolean[] {
  return outcomes.filter((one) => !cohort.isExplained(one.u, clock) && hasAsked(one) && representsGroup(one)).map(() => false)
}

function hasAsked (outcome: PrunedOutcome): boolean { return !isNeverAsked(outcome) }

/** A sample of a group is a part of a unit. */
function unitsOf (outcomes: readonly PrunedOutcome[]): number { return outcomes.reduce((sum, { samples = 1 }) => sum + 1 / samples, 0) }
