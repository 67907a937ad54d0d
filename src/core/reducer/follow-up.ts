import { holdAfterBreach } from '../certificate/breach.js'
import { type Drift, hasDrifted, watchEvidence } from '../certificate/drift.js'
import { noEvidence, thresholdsOf } from '../certificate/evidence.js'
import { testedBound } from '../certificate/judge-errors.js'
import { AFTER_BREACH } from '../certificate/fidelity.js'
import { type ContextState, copyState } from '../contexts/context-state.js'
import { isRecovered, isRepaired, mayCertify, withoutNewCertificates } from '../contexts/evidence-checks.js'
import { addCounts, addRecent, type FollowUp } from '../contexts/follow-up-counts.js'
import { addToMembership, type MemberUnit } from '../contexts/membership.js'
import type { Cohort } from '../enrolment/cohort.js'
import { evidenceUnitOfEnrolled, withoutMissing } from '../enrolment/enrolled-unit.js'
import { watchedOf } from '../enrolment/slice.js'
import { ROOT } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { addSettled, mustTakeBack } from './apply-fidelity.js'
import { moveShare } from './control-share.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import { type EpochStart, type Fold, type OwnState, policyOf, setMembership, startEpoch, writeState } from './fold.js'
import { countUnenrolled } from './left-out.js'
import { cohortRules, newestWith, takeEvidence, withEvidence } from './take-evidence.js'

/**
 * Brings a context up to the time of the log: ends slices, gives up members whose follow-up is over, and takes in slices that have become
 * final. Takes the evidence of every prefix once a second, or when a slice has become final (see docs/concepts/certificate.md).
 * @param state of the context, as stored
 * @returns the state stored last, which may be that of a new epoch
 */
export function followUp (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  const cohort = fold.cohorts.get(key)
  if (cohort === undefined || cohort.epoch !== state.epoch_name) return state
  const policy = policyOf(fold.ledger, key)
  const pool = { state, policy }
  const clock = fold.cohorts.clock
  const { look } = fold.times
  if (!cohort.hasNews(clock, { followUp: policy.follow_up_seconds * 1000, look })) {
    applyMembers(fold, pool, cohort, time)
    return state
  }
  const rules = cohortRules(fold, state, policy)
  for (const id of cohort.advance(clock, rules)) fold.pending.remove(id)
  applyMembers(fold, pool, cohort, time)
  const unlisted = cohort.dropEarly(clock)
  const unenrolled = unlisted.flatMap(({ generation_id: id }) => {
    const pending = fold.pending.get(id)
    return pending === undefined || isOfNew(pending, state) ? [] : [pending.outcome]
  })
  for (const { generation_id: id } of unlisted) fold.pending.remove(id)
  const stops = cohort.takeStops(clock, rules.followUp)
  for (const id of stops.unlabelled) fold.pending.remove(id)
  const final = cohort.takeFinal()
  const isLookDue = final.length > 0 || cohort.isLookDue(clock, look)
  let next = unenrolled.length === 0 ? state : withCounts(state, countUnenrolled(unenrolled, cohort, clock))
  for (const slice of final) next = takeSlice(next, slice, { policy, time })
  if (hasDrifted(next.drift_final)) return endEpoch(fold, key, next, { cause: 'drift', policy, time })
  if (stops.settled.length > 0) next = copyState(next, { fidelity: addSettled(next.fidelity, stops.settled, policy) })
  if (mustTakeBack(fold, key, next, time)) return endEpoch(fold, key, next, { cause: 'breach', policy, time })
  if (isRepaired(next, policy)) return endEpoch(fold, key, next, { cause: 'repair', policy, time })
  if (isLookDue) {
    cohort.noteLook(clock)
    const { known, isAlarmed } = driftInOpen(next, cohort, policy)
    next = copyState(next, { drift: known })
    if (isAlarmed) return endEpoch(fold, key, next, { cause: 'drift', policy, time })
    const looked = takeEvidence(next, cohort.openEvidence(rules), policy)
    const isAllowed = mayCertify(next, policy, cohort.early)
    next = isAllowed ? looked : withoutNewCertificates(next, looked, policy)
    if (isAllowed && isRecovered(next, policy)) return endEpoch(fold, key, next, { cause: 'recovered', policy, time })
  }
  if (next === state) return state
  const written = writeState(fold, key, next, { policy, time, cause: 'evidence', mayMove: isLookDue })
  return isLookDue ? moveShare(fold, key, written, time) : written
}

/**
 * The detector after the slices that are not final. One generation that never reports would otherwise delay an alarm by a follow-up.
 * @returns `known`, by which drift is suspected: after all that is accounted for; and whether the alarm was raised at the end of a slice,
 * with unaccounted units counting as gained, so it may come later than with full knowledge, but never falsely
 */
function driftInOpen (state: ContextState, cohort: Cohort, policy: Policy): { known: Drift, isAlarmed: boolean } {
  const { drift_final: final, threshold_index: index } = state
  const a = testedBound(policy)
  if (index === -1) return { known: final, isAlarmed: false }
  const none = noEvidence(thresholdsOf(state.evidence))
  let [known, least, isAlarmed] = [final, final, false]
  for (const slice of cohort.slices) {
    const evidence = watchedOf(slice) ?? none
    known = watchEvidence(known, evidence, index, a)
    if (slice.ends === null) continue
    least = watchEvidence(least, evidence, index, a, slice.open)
    isAlarmed ||= hasDrifted(least)
  }
  return { known, isAlarmed }
}

/** Whether a control generation of a pool is one that only a new member runs in full. */
export function isOfNew ({ outcome, leaf, key }: PendingOutcome, { control_share: share }: Pick<ContextState, 'control_share'>): boolean {
  return leaf !== key && outcome.u >= share
}

/** Starts an epoch because the evidence of the last one no longer counts. @returns the state of the new epoch, as stored */
export function endEpoch (fold: Fold, key: string, state: ContextState, start: EpochStart & { readonly cause: 'drift' | 'breach' | 'repair' | 'recovered' }): ContextState {
  const opened = startEpoch(fold, key, state, start)
  const { time } = start
  const next = start.cause === 'breach' ? breached(fold, key, state, opened, start) : opened
  const written = writeState(fold, key, next, { ...start, mayMove: true })
  return moveShare(fold, key, written, time)
}

/** The new epoch of a context after a breach, which its count and that of the root show. */
function breached (fold: Fold, key: string, last: ContextState, opened: ContextState, { policy, time }: EpochStart): ContextState {
  const root = key === ROOT ? undefined : fold.get(ROOT)
  if (root !== undefined) fold.set(ROOT, copyState(root, { breaches: root.breaches + 1 }))
  return copyState(opened, { fidelity: AFTER_BREACH, hold: holdAfterBreach(last.hold, time, policy), breaches: opened.breaches + 1 })
}

/** Adds to the counts. */
export function withCounts (state: ContextState, more: Partial<FollowUp>): ContextState {
  return copyState(state, { follow_up: addCounts(state.follow_up, more), recent: addRecent(state.recent, more) })
}

/** The same in place. */
export function addToCounts (state: OwnState, more: Partial<FollowUp>): void {
  state.follow_up = addCounts(state.follow_up, more)
  state.recent = addRecent(state.recent, more)
}

/** Counts of a control outcome by its answers: whether they are calls of tools, have a reward, and whether no check has one. */
export function answerCounts ({ is_call: isCall, is_rewarded: isRewarded, steps }: LoggedOutcome): Partial<FollowUp> {
  const isUnanswered = steps !== null && steps.length > 0 && steps.every(({ confidence }) => confidence === null)
  return { ...(isCall === true && { calls: 1 }), ...(isRewarded === true && { rewarded: 1 }), ...(isUnanswered && { unanswered: 1 }) }
}

/** By which a final slice is taken. */
interface Taking { readonly policy: Policy, readonly time: number }

/** A final slice joins the sum. */
function takeSlice (state: ContextState, slice: ReturnType<Cohort['takeFinal']>[number], { policy, time }: Taking): ContextState {
  const { evidence: shown, differences: tested } = slice
  const watched = state.threshold_index === -1 ? null : watchedOf(slice)
  return copyState(withCounts(state, slice.counts), {
    ...withEvidence(state, { shown, tested }),
    newest: newestWith(state, tested, policy),
    ...(watched !== null && { drift_final: watchEvidence(state.drift_final, watched, state.threshold_index, testedBound(policy)) }),
    last_evidence_at: slice.enrolled > 0 ? time : state.last_evidence_at,
  })
}

/** The pool that members are accounted for in. */
interface Pool {
  readonly state: ContextState
  readonly policy: Policy
}

/** A control unit of one context of a pool. Where outcomes count on arrival, each is final at once: `slice` is less than `firstOpen`. */
type UnitOfMember = Pick<MemberUnit, 'unit' | 'slice' | 'firstOpen'> & { readonly leaf: string }

/** Lets the contexts of a pool learn from their own control units that were accounted for. Missing samples are left out. */
function applyMembers (fold: Fold, pool: Pool, cohort: Cohort, time: number): void {
  const accounted = cohort.takeAccounted()
  if (accounted.length === 0) return
  const { scoring } = cohortRules(fold, pool.state, pool.policy)
  if (scoring === null) return
  const { firstOpen } = cohort
  const shown = accounted.flatMap((member): UnitOfMember[] => {
    const { leaf, slice: { number: slice }, u } = member
    if (scoring.isSetAside?.(u) === true) return []
    const unit = evidenceUnitOfEnrolled(withoutMissing(member), scoring.thresholds)
    return unit === null ? [] : [{ leaf: leaf!, unit, slice, firstOpen }]
  })
  const last = new Map(shown.map((one) => [one.leaf, one]))
  for (const one of shown) applyMember(fold, pool, last.get(one.leaf) === one ? one : { ...one, firstOpen: NONE_FINAL }, time)
}

/** Of several units at once the last lets the detector watch: a slice must be watched as a whole, not in the order of its units. */
const NONE_FINAL = 0

/** Adds a unit to what a member has shown. It leaves the pool if its own detector alarms, or if it loses too much. */
export function applyMember (fold: Fold, pool: Pool, { leaf, ...shown }: UnitOfMember, time: number): void {
  const state = fold.get(leaf)
  if (state === undefined) return // there is no room for more contexts
  const { epoch_name: epoch, threshold_index: index } = pool.state
  const bound = testedBound(pool.policy)
  setMembership(fold, leaf, state, addToMembership(state.membership, { ...shown, epoch, index, bound, time }), time)
}
