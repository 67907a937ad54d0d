import type { EnrolmentTimes } from '../evidence/enrolment-list.js'
import { expiresAt, holdEnded } from '../guards/guards.js'
import { ROOT } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import { forgetRefused } from './apply-sight.js'
import type { ContextState } from './context-state.js'
import { writeMoved } from './control-share.js'
import { type Fold, statesWithin } from './fold.js'
import { followUp } from './follow-up.js'
import { policyOf } from './ledger.js'
import { startEpoch } from './start-epoch.js'
import { writeState } from './write-state.js'

/** Brings every context up to the time of the log. */
export function applyTime (fold: Fold, time: number): void {
  for (const [key, state] of statesWithin(fold, ROOT)) expire(fold, key, state, time)
  for (const key of [...fold.cohorts.keys()]) {
    const state = fold.get(key)
    if (state !== undefined) followUp(fold, key, state, time)
  }
}

/**
 * Ends what lasts for a time: stale evidence, the membership of an idle member of a pool, a hold that is over, and a suspension by refused
 * stops.
 * @param state of the context, as stored
 * @returns the state stored last
 */
export function expire (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  const kept = forgetIdle(fold, key, dropStale(fold, key, state, time), time)
  return forgetRefused(fold, key, endHold(fold, key, kept, time), time)
}

/** A member of a pool that was idle for too long is new again; one that has left stays out until the pool's next epoch. */
function forgetIdle (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  if (time < idleAt(state, policyOf(fold.ledger, key))) return state
  const next = { ...state, membership: undefined }
  fold.set(key, next)
  return next
}

/** Drops a context's evidence, and the threshold on it, if it fell silent for too long: an old past must not vouch for the present. */
function dropStale (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  if (state.evidence.last_at === null) return state
  const policy = policyOf(fold.ledger, key)
  if (time < silentAt(state, policy)) return state
  const start = { cause: 'evidence_stale', policy, time } as const
  return writeState(fold, key, startEpoch(fold, key, state, start), { ...start, mayMove: true })
}

/** Puts the certified threshold in force once the hold is over. */
function endHold (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  const guards = holdEnded(state.guards, time)
  if (guards === state.guards) return state
  return writeMoved(fold, key, { ...state, guards }, { cause: 'evidence', policy: policyOf(fold.ledger, key), time, mayMove: true })
}

/** When the evidence is dropped if none arrives until then, ms. */
function silentAt (state: ContextState, policy: Policy): number {
  return (state.evidence.last_at ?? Infinity) + policy.max_evidence_age_seconds * 1000
}

/** When a member of a pool that reports nothing until then has been idle for too long, ms. */
function idleAt ({ membership, reports: { updated_at: at } }: ContextState, policy: Policy): number {
  return membership === undefined || membership.left_at !== null ? Infinity : at + policy.max_evidence_age_seconds * 1000
}

/** Whether anything expires at this time (see `expire`). */
export function isExpiryDue ({ ledger, keys, get }: Pick<Fold, 'ledger' | 'get' | 'keys'>, time: number): boolean {
  for (const key of keys()) {
    const state = get(key)
    if (state === undefined) continue
    const policy = policyOf(ledger, key)
    if (time >= Math.min(silentAt(state, policy), idleAt(state, policy), expiresAt(state.guards))) return true
  }
  return false
}

/** Whether a tick at that time of the follow-up clock would change anything for an enrolled generation. */
export function isFollowUpDue (
  { ledger, cohorts }: Pick<Fold, 'ledger' | 'cohorts'>, clock: number, { look }: Pick<EnrolmentTimes, 'look'>): boolean {
  for (const key of cohorts.keys()) {
    const followUp = policyOf(ledger, key).follow_up_seconds * 1000
    if (cohorts.get(key)?.isDue(clock, { followUp, look }) === true) return true
  }
  return false
}
