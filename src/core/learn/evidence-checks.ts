import type { EvidenceWarning } from '../decide/warnings.js'
import { exceeds, FEW } from '../evidence/blocks.js'
import { cancelledRatio, recentParts } from '../evidence/follow-up-counts.js'
import { graderFault, isGraderUnseen } from '../evidence/grader.js'
import { cadenceOfTreated } from '../guards/cadences.js'
import type { Policy } from '../policy/policy.js'
import type { ContextState } from './context-state.js'
import { isValidityLow } from './probe-form.js'

/** Share of control generations without a probed answer above which the context is warned about. */
const MOSTLY = 0.5

/** The checks that a context fails. @param policy of the context */
export function evidenceWarnings (state: ContextState, policy: Policy): EvidenceWarning[] {
  const { reports: { follow_up: counts, recent, grader }, guards: { cadences }, probes: { form } } = state
  const { max_em_drop: bound } = policy
  const parts = recentParts(recent)
  const warnings: EvidenceWarning[] = []
  if (exceeds(parts.steps_missing, bound)) warnings.push('steps_missing')
  if (exceeds(parts.unmarked, bound)) warnings.push('prompt_unmarked')
  if (exceeds(parts.unanswered, MOSTLY)) warnings.push('answers_unprobed')
  if (cadenceOfTreated(cadences) !== null) warnings.push('cadences_differ')
  if (graderFault(grader) !== null) warnings.push('grader_broken')
  if (isGraderUnseen(grader)) warnings.push('grader_unseen')
  warnings.push(...leftOutWarnings(parts, bound))
  if (counts.cancelled >= FEW && cancelledRatio(state.reports) > bound) warnings.push('cancelled_high')
  if (form !== null && form.form === null) warnings.push('probe_form_missing')
  if (form !== null && isValidityLow(form)) warnings.push('probe_validity_low')
  return warnings
}

/** Whether too many are left out, and whether workers or late lists are why. */
function leftOutWarnings (parts: Pick<ReturnType<typeof recentParts>, 'left_out' | 'unlisted' | 'listed_late'>, bound: number): EvidenceWarning[] {
  const warnings: EvidenceWarning[] = []
  if (exceeds(parts.unlisted, bound)) warnings.push('left_out_high')
  if (exceeds(parts.listed_late, bound)) warnings.push('lists_late')
  if (warnings.length === 0 && exceeds(parts.left_out, bound)) warnings.push('left_out_high') // either alone would be few enough
  return warnings
}
