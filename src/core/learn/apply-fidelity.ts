import { addToArm } from '../guards/arms.js'
import { isBreached } from '../guards/breach.js'
import { addDifference, countQueued, countTreated, type Fidelity, noteFloor } from '../guards/fidelity.js'
import { type Guards, withFidelity, withoutComparison } from '../guards/guards.js'
import { addLate } from '../guards/late-labels.js'
import { isCompared, observeStop, representsGroup } from '../outcome/observed-stop.js'
import { type ContextState, withSlices } from './context-state.js'
import type { EffectiveThreshold } from './effective-threshold.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { thresholdInForce } from './threshold-in-force.js'

/**
 * Lets the guards see a treated outcome.
 * @param state of the context that gathers the evidence, as stored
 * @returns the state stored last
 */
export function watchTreated (
  fold: Fold, time: number, pending: PendingOutcome, force: EffectiveThreshold, state: ContextState
): ContextState {
  const watched = withFidelity(state.guards, watchFidelity(fold, time, pending, force, state))
  const next = withSlices(state, { guards: compareArms(fold, time, pending, watched, { force }) })
  fold.set(pending.key, next)
  return next
}

/**
 * Lets fidelity see a treated outcome of a context in which a threshold is in force. A stop whose answer differs from its probe is kept
 * until its label comes; later outcomes are queued behind it.
 * @param force threshold in force for its leaf
 * @param state of the context that gathers the evidence
 * @returns its fidelity, to be stored
 */
function watchFidelity (
  fold: Fold, time: number, pending: PendingOutcome, force: EffectiveThreshold, state: ContextState
): Fidelity {
  const { outcome, key } = pending
  const { generation_id: id, cancelled, stopped } = outcome
  const isUnit = cancelled !== true && isCompared(state.epoch.meaning.score, outcome) && representsGroup(outcome)
  if (!isUnit || !isServing(fold, pending, force, time)) return state.guards.fidelity
  const policy = policyOf(fold.ledger, key)
  const stop = stopped ? observeStop(outcome, policy.label, true) : undefined
  if (stop === null) return state.guards.fidelity // as if it had been refused (see `seeStop`)
  const counted = countTreated(state.guards.fidelity, stop)
  const cohort = fold.cohorts.of(key, state.epoch.name)
  const { clock } = fold.cohorts
  const difference = stop === undefined ? 0 : stop.difference
  if (difference === null) {
    cohort.queueStop(id, clock)
    fold.pending.set(pending)
    return countQueued(counted)
  }
  if (!cohort.stops.isEmpty) {
    cohort.queueKnown(id, clock, difference)
    return difference === 0 ? counted : countQueued(counted)
  }
  return noteFloor(addDifference(counted, difference, policy.max_em_drop), time)
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

/** How an outcome came about: the threshold in force for its leaf, if it is known; and the share at which a control one was drawn. */
interface Compared { readonly force?: EffectiveThreshold, readonly share?: number }

/** How a control outcome was drawn, and what it shows; `null`: nothing, for its score. */
interface Shown { readonly share: number, readonly unit: { readonly eighths: readonly number[] } | null }

/** Lets the guards of the context that gathers the evidence see a control outcome. */
export function watchControl (fold: Fold, time: number, pending: PendingOutcome, guards: Guards, { share, unit }: Shown): Guards {
  const { outcome: { full }, key } = pending
  const compared = compareArms(fold, time, pending, guards, { share })
  if (unit === null || full.exact_match !== undefined || policyOf(fold.ledger, key).label !== 'exact_match') return compared
  return { ...compared, late_labels: addLate(compared.late_labels, unit.eighths) }
}

/** Counts an outcome for the comparison of the arms. @returns the guards of the context that gathers the evidence */
function compareArms (fold: Fold, time: number, pending: PendingOutcome, guards: Guards, { force, share }: Compared): Guards {
  const { outcome, leaf } = pending
  const { mode, label } = policyOf(fold.ledger, leaf)
  if (mode === 'off' || !isInForce(fold, pending, force ?? thresholdInForce(fold, leaf, time), time)) return guards
  return { ...guards, arms: addToArm(guards.arms, share === undefined ? 'treated' : 'control', outcome, label, share) }
}

/** Whether a breach withdraws the threshold; under a pin it is only a warning. */
export function mustTakeBack (fold: Fold, key: string, state: ContextState, time: number): boolean {
  if (state.rule.index === -1 || !isBreached(state.guards.fidelity)) return false
  return !thresholdInForce(fold, key, time).isPinned
}

/** The guards whose comparison of the arms and of stops begins again, without the stops that await a label. */
export function comparedFromNow (fold: Fold, key: string, { guards }: ContextState): Guards {
  for (const id of fold.cohorts.get(key)?.clearStops() ?? []) fold.pending.remove(id)
  return withoutComparison(guards)
}
