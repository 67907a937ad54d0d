import { isRepaired, noteBlock } from '../evidence/blocks.js'
import { hasDriftedFinally, settleStops } from '../guards/guards.js'
import { mustTakeBack } from './apply-fidelity.js'
import { applyMembers } from './apply-members.js'
import { seeUnits } from './apply-sight.js'
import { cohortRules } from './cohort-rules.js'
import { type ContextState, withSlices } from './context-state.js'
import { writeMoved } from './control-share.js'
import type { Fold } from './fold.js'
import { countUnenrolled, takeUnlisted, unitsWithoutEntry } from './left-out.js'
import { alarmOf, endEpoch, type Ending } from './start-epoch.js'
import { look, missLabels, takeSlice } from './take-evidence.js'

/**
 * Brings a context up to the time of the log: ends slices, gives up members whose follow-up is over, and takes in slices that have become
 * final. Takes the evidence of every prefix once a second, or when a slice has become final (see docs/concepts/certificate.md).
 * @param state of the context, as stored
 * @returns the state stored last, which may be that of a new epoch
 */
export function followUp (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  const cohort = fold.cohorts.get(key)
  if (cohort === undefined || cohort.epoch !== state.epoch.name) return state
  const rules = cohortRules(fold, key, state)
  const { policy } = rules
  const { cohorts: { clock }, times } = fold
  if (!cohort.hasNews(clock, { followUp: rules.followUp, look: times.look })) {
    applyMembers(fold, state, cohort, rules, time)
    return seeUnits(fold, key, state, cohort.takeDue(), time)
  }
  const unlabelled = cohort.advance(clock, rules)
  for (const id of unlabelled) fold.pending.remove(id)
  applyMembers(fold, state, cohort, rules, time)
  const unenrolled = takeUnlisted(fold, state, cohort)
  const seen = seeUnits(fold, key, state, [...cohort.takeDue(), ...unitsWithoutEntry(unenrolled, cohort, clock)], time)
  const stops = cohort.takeStops(clock, rules.followUp)
  for (const id of stops.unlabelled) fold.pending.remove(id)
  const final = cohort.takeFinal()
  const isLookDue = final.length > 0 || cohort.isLookDue(clock, times.look)

  const end = (ended: ContextState, cause: Ending['cause'], counts?: Parameters<typeof alarmOf>[2]) =>
    endEpoch(fold, key, ended, { cause, policy, time, alarm: alarmOf(cause, ended, counts) })
  let next = unenrolled.length === 0 ? seen : withSlices(seen, { reports: countUnenrolled(seen.reports, unenrolled, cohort, clock) })
  if (unlabelled.length > 0) next = missLabels(next, unlabelled.length)
  for (const slice of final) next = takeSlice(next, slice, policy, { time, clock })
  if (hasDriftedFinally(next.guards)) return end(next, 'drift')
  if (stops.settled.length > 0) next = { ...next, guards: settleStops(next.guards, stops.settled, policy, time) }
  if (mustTakeBack(fold, key, next, time)) return end(next, 'breach')
  if (isRepaired(next.reports, next.rule.index, policy)) return end(next, 'repair')
  const reports = noteBlock(next.reports, policy)
  if (reports !== next.reports) next = { ...next, reports }
  if (isLookDue) {
    cohort.noteLook(clock)
    const looked = look(next, cohort, rules, { time, clock })
    if (looked.cause !== null) return end(looked.state, looked.cause, looked.counts)
    next = looked.state
  }
  return next === seen ? seen : writeMoved(fold, key, next, { policy, time, cause: 'evidence', mayMove: isLookDue })
}
