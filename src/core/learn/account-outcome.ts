import type { Arm } from '../decide/arm.js'
import { hasLeft, leftEpochOf } from '../evidence/membership.js'
import { seeUnits } from './apply-sight.js'
import { cohortRules } from './cohort-rules.js'
import { type ContextState, withSlices } from './context-state.js'
import type { EffectiveThreshold } from './effective-threshold.js'
import type { Fold } from './fold.js'
import { followUp } from './follow-up.js'
import { countUnenrolled, isNeverAsked, isOfNew, unitsWithoutEntry } from './left-out.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { countIn, takeReport } from './take-report.js'
import { thresholdInForce } from './threshold-in-force.js'

/** Whether new generations of the leaf are evidence of the context that certifies for it. @param force its threshold in force, if known */
function isOfSource (
  fold: Fold, { leaf, key }: Pick<PendingOutcome, 'leaf' | 'key'>, time: number, force: EffectiveThreshold | undefined
): boolean {
  return leaf === key || (force ?? thresholdInForce(fold, leaf, time)).isEvidence
}

interface Drawn { readonly arm: Arm | null, readonly force: EffectiveThreshold | undefined }

/**
 * Accounts for a sample of an enrolled generation, or keeps the outcome until its entry comes.
 * @param drawn its arm, and the threshold in force for its leaf, if known
 * @param counted state of the context that gathers the evidence, as stored
 */
export function account (fold: Fold, time: number, pending: PendingOutcome, { arm, force }: Drawn, counted: ContextState): void {
  const { key, outcome } = pending
  const state = followUp(fold, key, counted, time) // due slices come first; they may open another epoch
  const cohort = fold.cohorts.of(key, state.epoch.name)
  const { clock } = fold.cohorts
  const rules = cohortRules(fold, key, state)
  const inForce = state.epoch.name === counted.epoch.name ? force : undefined
  const member = cohort.members.get(outcome.u) ?? addAside(fold, pending, { arm, force: inForce }, state, time)
  if (member !== undefined) {
    followUp(fold, key, takeReport(fold, pending, member, state, time), time)
    return
  }
  if (arm !== 'control' || outcome.hash >= rules.labelRate) return // only control units are enrolled
  const left = leftAt(fold, pending, state)
  if (left === null ? !isOfSource(fold, pending, time, inForce) : time >= left + rules.wait) return // nothing will enrol it any more
  const isLate = cohort.isLate(outcome, clock)
  if (outcome.by_prompt === true && cohort.isExplained(outcome.u, clock) && !isLate) return // another one counts
  const mayCome = !isNeverAsked(outcome) && !cohort.isExplained(outcome.u, clock)
  const early = { u: outcome.u, generation_id: outcome.generation_id, until: clock + rules.wait }
  if (isLate) countIn(fold, key, { late: 1 })
  else if (mayCome && cohort.addEarly(early)) fold.pending.set(pending)
  else if (!isOfNew(pending, state)) {
    const counted = withSlices(state, { reports: countUnenrolled(state.reports, [outcome], cohort, clock) })
    fold.set(key, counted)
    seeUnits(fold, key, counted, unitsWithoutEntry([outcome], cohort, clock), time)
    if (mayCome) cohort.addVoid(outcome.u, clock, rules) // it is left out, so its entry must not enrol it
  }
}

/** A control unit of a new member of a pool that only this member needs, not the pool. @returns `undefined` if it is none */
function addAside (fold: Fold, pending: PendingOutcome, { arm, force }: Drawn, pool: ContextState, time: number) {
  const { outcome, leaf, key } = pending
  const isNew = () => (force ?? thresholdInForce(fold, leaf, time)).isNew
  if (arm !== 'control' || !isOfNew(pending, pool) || !isNew()) return undefined
  if (outcome.hash >= cohortRules(fold, key, pool).labelRate || isNeverAsked(outcome)) return undefined
  return fold.cohorts.of(key, pool.epoch.name).addAside(outcome.u, outcome.hash, fold.cohorts.clock)
}

/**
 * When the context of an outcome left its pool; `null`: it belongs to it, or has none.
 * @param pool state of the context that certifies for it
 */
function leftAt (fold: Fold, { leaf, key }: Pick<PendingOutcome, 'leaf' | 'key'>, pool: ContextState): number | null {
  const state = leaf === key ? pool : fold.get(leaf)
  return hasLeft(leftEpochOf(state), pool.epoch.name) ? state?.membership?.left_at ?? null : null
}
