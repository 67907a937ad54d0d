import { CONTEXT_WARNINGS, type ContextWarning } from '../decide/warnings.js'
import { tokensSaved } from '../stats/evidence.js'
import { hasLowFidelity } from '../guards/fidelity.js'
import { isHeld } from '../guards/guards.js'
import { areLabelsLate } from '../guards/late-labels.js'
import { FEW } from '../evidence/blocks.js'
import { isBlind } from '../guards/sight.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import { doArmsDiffer } from '../guards/arms.js'
import type { ContextState } from './context-state.js'
import { knownEvidence } from '../evidence/gathered-evidence.js'
import { areMostLabelsMissed, evidenceWarnings } from './evidence-checks.js'

/**
 * Warnings in replies to outcomes: an outcome that lacks its arm, the number of samples in its group or its context; an answer too long to
 * match its reference; a context beyond the limit; and the above, of which `steps_missing` may also be about the outcome itself.
 */
export const OUTCOME_WARNINGS = ['arm_missing', 'samples_missing', 'context_missing', 'context_without_room', 'answer_long', ...CONTEXT_WARNINGS] as const

export type OutcomeWarning = typeof OUTCOME_WARNINGS[number]

/**
 * Warnings in replies to pins. `pin_without_effect`: the pin is above the leaves and applies to none of them, since its context is not a
 * pool or each context of the pool has a pin of its own.
 */
export const PIN_WARNINGS = ['pin_without_effect'] as const

export type PinWarning = typeof PIN_WARNINGS[number]

const NO_WARNINGS: readonly ContextWarning[] = []

/** The warnings that apply to a context. @param policy of the context */
export function contextWarnings (state: ContextState, policy: Policy): readonly ContextWarning[] {
  const { reports: { follow_up: { accounted, missing } } } = state
  const warnings: ContextWarning[] = []
  if (missing >= FEW && missing > accounted) warnings.push('outcomes_missing')
  if (hasLowFidelity(state.guards.fidelity) || isHeld(state.guards)) warnings.push('fidelity_low')
  if (state.rule.index !== -1 && isBlind(state.guards.sight)) warnings.push('suspended')
  if (doArmsDiffer(state.guards.arms, policy)) warnings.push('arms_differ')
  if ((state.savings.day.net ?? 0) < 0 || isWithoutSavings(state)) warnings.push('tokens_lost')
  if (neverLabelled(state, policy) || areMostLabelsMissed(state) || areLabelsLate(state.guards.late_labels)) warnings.push('labels_missing')
  if (isScoreUnavailable(state)) warnings.push('score_unavailable')
  warnings.push(...evidenceWarnings(state, policy))
  return warnings.length === 0 ? NO_WARNINGS : shared(warnings)
}

const lists = new Map<string, readonly ContextWarning[]>()

/** One object for equal lists, since ten thousand contexts may have the same. There are few. */
function shared (warnings: readonly ContextWarning[]): readonly ContextWarning[] {
  const name = warnings.join()
  const known = lists.get(name)
  if (known === undefined) lists.set(name, warnings)
  return known ?? warnings
}

/** Whether the predictor that the policy names was missing when the epoch began. */
function isScoreUnavailable ({ epoch: { meaning: { score, score_fingerprint: fingerprint } } }: ContextState): boolean {
  return score !== CONFIDENCE && fingerprint === null
}

/** Control generations after which a context without any label is reported. */
const LABELS_EXPECTED = 100

/** Whether labels are wanted, and none has come in the epoch, late or with an outcome. */
export function neverLabelled (state: ContextState, { label }: Policy): boolean {
  const { reports: { follow_up: counts } } = state
  if (label !== 'exact_match' || counts.reported < LABELS_EXPECTED || counts.labels_wanted === 0 || counts.labels_given > 0) return false
  return knownEvidence(state.evidence).labelled === 0
}

/** Whether the certified threshold would save less than it costs. */
export function isWithoutSavings ({ rule: { index }, evidence }: ContextState): boolean {
  const { certified } = evidence
  return index === -1 && certified !== -1 && tokensSaved(knownEvidence(evidence), certified) < 0
}
