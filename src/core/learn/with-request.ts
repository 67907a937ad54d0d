import { mayCertify } from '../evidence/blocks.js'
import { restartDetector } from '../evidence/membership.js'
import { withoutAlarms } from '../guards/guards.js'
import { certificationTerms, haveSameTerms, type Policy } from '../policy/policy.js'
import { comparedFromNow } from './apply-fidelity.js'
import { type ContextState, requestGuarantee } from './context-state.js'
import type { Fold } from './fold.js'
import { certifiedNow, scoredEvidence } from './scored-evidence.js'
import { withoutNewCertificates } from './take-evidence.js'

/**
 * A changed bar is compared with the current evidence; a changed tolerance restarts the detectors of drift and breach, a changed mode the
 * comparison of the arms.
 */
export function withRequest (
  fold: Fold, key: string, state: ContextState, change: { readonly before: Policy, readonly policy: Policy }
): ContextState {
  const { before, policy } = change
  const isSameBound = before.max_em_drop === policy.max_em_drop
  const next = before.mode === policy.mode ? state : { ...state, guards: comparedFromNow(fold, key, state) }
  const requested = requestGuarantee(isSameBound ? next : withoutDetections(next), policy)
  return haveSameTerms(certificationTerms(before), policy) ? requested : withCertifiedNow(requested, policy, fold)
}

/** The state whose detectors begin again. */
function withoutDetections (state: ContextState): ContextState {
  const { guards, membership } = state
  return { ...state, guards: withoutAlarms(guards), membership: membership && restartDetector(membership) }
}

/** Certifies from the present evidence, regardless of certificates under earlier terms. */
function withCertifiedNow (state: ContextState, policy: Policy, { predictors }: Fold): ContextState {
  const next = { ...state, evidence: { ...state.evidence, certified: certifiedNow(scoredEvidence(state, policy, predictors), policy) } }
  return mayCertify(state.reports, policy) ? next : withoutNewCertificates(state, next, policy)
}
