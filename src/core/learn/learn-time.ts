import type { ContextState } from '../judgement/context-state.js'
import { policyOf, startEpoch, write, type Fold } from './fold.js'
import { isLabelOverdue } from './learn-label.js'
import type { Policy } from '../policy/policy.js'

/** Takes back the threshold of every context whose evidence fell silent for too long. */
export function learnTime (fold: Fold, time: number): void {
  for (const key of [...fold.keys()]) expire(fold, key, time)
}

/** Drops a context's evidence, and the threshold on it, if it fell silent for too long: an old past must not vouch for the present. */
export function expire (fold: Fold, key: string, time: number): void {
  const state = fold.get(key)
  if (state === undefined || state.last_evidence_at === null) return
  const policy = policyOf(fold.ledger, key)
  if (time < silentAt(state, policy)) return
  write(fold, key, startEpoch(fold, state, 'evidence_stale', policy, time), policy, time, 'evidence_stale', true)
}

/** When the evidence is dropped if none arrives until then, ms. */
function silentAt (state: ContextState, policy: Policy): number {
  return (state.last_evidence_at ?? Infinity) + policy.max_evidence_age_seconds * 1000
}

/** Whether a tick at this time would drop some evidence, or let in an outcome whose label did not come. */
export function isTickDue (fold: Pick<Fold, 'ledger' | 'get' | 'keys' | 'pending'>, time: number): boolean {
  if (isLabelOverdue(fold, time)) return true
  for (const key of fold.keys()) {
    const state = fold.get(key)!
    if (time >= silentAt(state, policyOf(fold.ledger, key))) return true
  }
  return false
}
