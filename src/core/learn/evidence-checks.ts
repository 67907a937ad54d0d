import type { EvidenceWarning } from '../decide/warnings.js'
import { exceeds, FEW } from '../evidence/blocks.js'
import { cancelledRatio, type FollowUp, recentParts } from '../evidence/follow-up-counts.js'
import { graderFault, isGraderUnseen } from '../evidence/grader.js'
import { cadenceOfTreated } from '../guards/cadences.js'
import type { Policy } from '../policy/policy.js'
import type { ContextState } from './context-state.js'
import { isValidityLow } from './probe-form.js'

/** Share of control generations without a probed answer above which the context is warned about. */
const MOSTLY = 0.5
/** Outcomes from which a pattern is reported. */
const ENOUGH = 32

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
  if (exceeds(parts.left_out, bound) || areMostUnlisted(counts)) warnings.push('left_out_high')
  if (counts.cancelled >= FEW && cancelledRatio(state.reports) > bound) warnings.push('cancelled_high')
  if (form !== null && (form.form === null || isValidityLow(form))) warnings.push('probe_form_unfit')
  return warnings
}

/** Labels that did not come within their follow-up, from which they are missing where fewer of the newest have come. */
const MISSED = 16

/** Whether most of the newest labels did not come within their follow-up. */
export function areMostLabelsMissed ({ reports: { recent } }: ContextState): boolean {
  const { labels_missed: [missed, due] } = recentParts(recent)
  return missed >= MISSED && missed > due / 2
}

/** Whether most outcomes belong to generations that never asked, or under another id. */
function areMostUnlisted ({ unlisted, accounted }: FollowUp): boolean { return unlisted >= ENOUGH && unlisted > accounted }
