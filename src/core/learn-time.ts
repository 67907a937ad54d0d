import { openEpoch, type ContextState } from './context-state.js'
import { policyOf, write, type Fold } from './fold.js'
import type { Policy } from './policy.js'

/** Takes back the threshold of every context whose evidence fell silent for too long. */
export function learnTime (fold: Fold, time: number): void {
  for (const key of [...fold.keys()]) expire(fold, key, time)
}

/** Takes a context's threshold back if its evidence has been silent for too long. */
export function expire (fold: Fold, key: string, time: number): void {
  const state = fold.get(key)
  if (state === undefined || state.threshold_index === -1) return
  const policy = policyOf(fold.ledger, key)
  if (time < silentAt(state, policy)) return
  write(fold, key, openEpoch(state, 'evidence_stale', policy, fold.ledger.configuration.levels, time), policy, time, 'evidence_stale', true)
}

/** When a certified context's threshold is taken back if no evidence arrives, ms. */
function silentAt (state: ContextState, policy: Policy): number {
  return (state.last_evidence_at ?? state.epoch_started_at) + policy.max_evidence_age_seconds * 1000
}

/** Whether a tick at this time would take a threshold back. */
export function isTickDue (fold: Pick<Fold, 'ledger' | 'get' | 'keys'>, time: number): boolean {
  for (const key of fold.keys()) {
    const state = fold.get(key)!
    if (state.threshold_index !== -1 && time >= silentAt(state, policyOf(fold.ledger, key))) return true
  }
  return false
}
