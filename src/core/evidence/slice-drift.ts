import { countWatched, DRIFT, type DriftCounts, type SliceBegin, watchEvidence } from '../guards/drift.js'
import type { Guards } from '../guards/guards.js'
import { watchLate } from '../guards/late-labels.js'
import type { Policy } from '../policy/policy.js'
import { noEvidence } from '../stats/evidence.js'
import { testedBound } from '../stats/judge-errors.js'
import type { CohortRules } from './accounting.js'
import type { Cohort } from './cohort.js'
import { type Slice, watchedOf } from './slice.js'

/** By the log's clock and by that of the follow-up, ms. */
export interface Now { readonly time: number, readonly clock: number }

/** Lets the detector of drift see a slice that has become final. @param index of the threshold in force, -1 for none */
export function watchFinal (guards: Guards, slice: Slice, index: number, policy: Policy, now: Now): Guards {
  const watched = index === -1 ? null : watchedOf(slice)
  if (watched === null) return guards
  const drift = watchEvidence(guards.drift_final, watched, index, testedBound(policy))
  const counts = countWatched(guards.drift_counts, guards.drift_final, watched, index, beginOf(slice, now))
  return { ...guards, drift_final: drift, drift_counts: counts }
}

function beginOf ({ begins, stops }: Slice, { time, clock }: Now): SliceBegin { return { at: time - (clock - begins), stops } }

/** The threshold in force, and how many there are. */
interface InForce { readonly index: number, readonly thresholds: number }

/**
 * The guards after the slices that are not final. One generation that never reports would otherwise delay an alarm by a follow-up.
 * @returns the guards after all that is accounted for, by which drift is suspected; and whether the alarm was raised after a slice, or
 * after those that the running one has so far, with unaccounted units counting as gained: so it may come later than with full knowledge,
 * but never falsely
 */
export function watchOpen (
  guards: Guards, cohort: Cohort, rules: CohortRules & { readonly policy: Policy }, { index, thresholds }: InForce, now: Now
): { readonly guards: Guards, readonly isAlarmed: boolean, readonly counts: DriftCounts } {
  const { drift_final: final, drift_counts, late_labels: late } = guards
  if (index === -1) return { guards: { ...guards, drift: final }, isAlarmed: false, counts: drift_counts }
  const a = testedBound(rules.policy)
  const none = noEvidence(thresholds)
  let [drift, least, isAlarmed, counts] = [final, final, false, drift_counts]
  for (const slice of cohort.slices) {
    const evidence = watchedOf(slice) ?? none
    counts = countWatched(counts, drift, evidence, index, beginOf(slice, now))
    drift = watchEvidence(drift, evidence, index, a)
    least = watchEvidence(least, evidence, index, a, slice.open)
    isAlarmed ||= DRIFT.isAlarmed(least)
  }
  return { guards: { ...guards, drift, late_labels: late && watchLate(late, cohort.awaiting(index, rules), index, a) }, isAlarmed, counts }
}
