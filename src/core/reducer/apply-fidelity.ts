import { addDifference, addUnchanged, countQueued, countTreated, type Fidelity } from '../certificate/fidelity.js'
import { isBreached } from '../certificate/breach.js'
import { addToArm } from '../contexts/arms.js'
import type { ContextState } from '../contexts/context-state.js'
import type { EffectiveThreshold } from '../contexts/effective-threshold.js'
import type { SettledStop } from '../enrolment/stop-queue.js'
import { representsGroup, observeStop } from '../outcome/observed-stop.js'
import type { Policy } from '../policy/policy.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { type Fold, type OwnState, policyOf, thresholdInForce } from './fold.js'

/**
 * Lets fidelity see a treated outcome of a context in which a threshold is in force. A stop whose answer differs from its probe is kept
 * until its label comes; later outcomes are queued behind it.
 * @param force threshold in force for its leaf
 * @param state of the context that gathers the evidence
 * @returns its fidelity, to be stored
 */
export function watchFidelity (
  fold: Fold, time: number, pending: PendingOutcome, force: EffectiveThreshold, state: ContextState
): Fidelity {
  const { outcome, key } = pending
  const { generation_id: id, cancelled, stopped } = outcome
  if (cancelled === true || !representsGroup(outcome) || !isServing(fold, pending, force, time)) return state.fidelity
  const policy = policyOf(fold.ledger, key)
  const isOnArrival = policy.follow_up_seconds === 0 // no label comes then
  const stop = stopped ? observeStop(outcome, policy.label, !isOnArrival) : undefined
  const counted = countTreated(state.fidelity, stop)
  const cohort = isOnArrival ? undefined : fold.cohorts.of(key, state.epoch_name)
  const { clock } = fold.cohorts
  const difference = stop === undefined ? 0 : stop?.difference
  if (cohort !== undefined && difference === null) {
    cohort.queueStop(id, clock)
    fold.pending.set(pending)
    return countQueued(counted)
  }
  if (cohort !== undefined && difference != null && !cohort.stops.isEmpty) {
    cohort.queueKnown(id, clock, difference)
    return difference === 0 ? counted : countQueued(counted)
  }
  return difference == null ? counted : addDifference(counted, difference, policy.max_em_drop)
}

/** Whether a threshold is in force for the leaf that stops generations, by its own certificate or pin, or that of its pool. */
function isServing (fold: Fold, pending: PendingOutcome, force: EffectiveThreshold, time: number): boolean {
  const { outcome, leaf } = pending
  return (policyOf(fold.ledger, leaf).mode === 'enforce' || outcome.stopped) && isInForce(fold, pending, force, time)
}

/** Whether a threshold is in force for the leaf, but for a pin of its own in a pool that has none. */
function isInForce (
  fold: Fold, { leaf, key }: PendingOutcome, { threshold, isPinned }: EffectiveThreshold, time: number
): boolean {
  return threshold !== null && (!isPinned || leaf === key || thresholdInForce(fold, key, time).isPinned)
}

/**
 * Counts an outcome for the comparison of the arms, in place.
 * @param force threshold in force for its leaf
 * @param share at which a control generation was drawn; absent: it is treated
 */
export function compareArms (
  fold: Fold, time: number, pending: PendingOutcome, force: EffectiveThreshold, state: OwnState, share?: number
): void {
  const { outcome, leaf } = pending
  const { mode, label } = policyOf(fold.ledger, leaf)
  if (mode === 'off' || !isInForce(fold, pending, force, time)) return
  state.arms = addToArm(state.arms, share === undefined ? 'treated' : 'control', outcome, label, share)
}

/** Lets the detector see stops whose difference has become known. */
export function addSettled (fidelity: Fidelity, settled: readonly SettledStop[], { max_em_drop: maxEmDrop }: Policy): Fidelity {
  const waiting = { ...fidelity, queued: fidelity.queued - settled.length }
  return settled.reduce(
    (sum, { difference, unchanged }) => addUnchanged(addDifference(sum, difference, maxEmDrop), unchanged, maxEmDrop), waiting)
}

/** Whether a breach withdraws the threshold; under a pin it is only a warning. */
export function mustTakeBack (fold: Fold, key: string, state: ContextState, time: number): boolean {
  if (state.threshold_index === -1 || !isBreached(state.fidelity)) return false
  return !thresholdInForce(fold, key, time).isPinned
}
