import { tokensSaved } from '../certificate/evidence.js'
import { ungradedShare } from '../certificate/arms.js'
import { breachSight, heldUntil } from '../certificate/breach.js'
import { hasLowFidelity, lacksProbes } from '../certificate/fidelity.js'
import type { Policy } from '../policy/policy.js'
import { type ContextState, evidenceOf } from './context-state.js'
import { EVIDENCE_WARNINGS, EVIDENCE_WARNINGS_TEXT, type EvidenceWarning, evidenceWarnings } from './evidence-checks.js'

/** Problems with the workers of a context, shown to them and to operators. */
export const CONTEXT_WARNINGS = [
  'outcomes_missing', 'outcomes_not_enrolled', 'no_net_savings', 'signals_refused', 'breach_held', 'fidelity_low', 'breach_unobservable', 'breach_hidden',
  'stopped_probe_missing', 'tokens_lost', 'certificate_unlikely',
  ...EVIDENCE_WARNINGS,
] as const

export type ContextWarning = typeof CONTEXT_WARNINGS[number]

const MEANINGS: Readonly<Record<Exclude<ContextWarning, EvidenceWarning>, string>> = {
  outcomes_missing: 'generations are enrolled, but their outcomes, steps or labels have not arrived',
  outcomes_not_enrolled: 'most outcomes belong to generations that did not ask at the first check, or asked under another id',
  no_net_savings: 'a threshold is certified, but probes cost more than it would save: ask less often',
  signals_refused: 'signals have too many names, so predictors do not learn from some of them: use fixed names',
  breach_held: 'stops lost more EM than is allowed against their probes, so no certified threshold is in force for a time: answer from exactly ' +
    'the prefix that was probed, then reset the context',
  fidelity_low: 'more than a twentieth of the recent stops served another answer than was probed: answer from exactly the probed prefix',
  breach_unobservable: 'stops are reported without stopped_probe, and labels are agreement or mostly missing, so a breach cannot be seen',
  breach_hidden: 'stops are reported without stopped_probe, and more than 1 % of the outcomes or labels are missing, so only a breach of several ' +
    'points can be seen',
  stopped_probe_missing: 'more than a tenth of the recent stops are reported without stopped_probe, so a breach is seen late',
  tokens_lost: 'over the last whole day probes cost more tokens than stops saved: ask less often, or make probes shorter',
  certificate_unlikely: 'no threshold is likely to be certified, so probes are limited by max_probe_overhead; the reason is in unlikely of the context',
}

/** The warnings with their meanings, for descriptions. */
export const CONTEXT_WARNINGS_TEXT =
  `${Object.entries(MEANINGS).map(([warning, meaning]) => `${warning}: ${meaning}`).join('. ')}. ${EVIDENCE_WARNINGS_TEXT}`

/**
 * Warnings in replies to outcomes: an outcome that lacks its arm, the number of samples in its group or its context; an answer too long to
 * match its reference; and the above, of which `steps_missing` may also be about the outcome itself.
 */
export const OUTCOME_WARNINGS = ['arm_missing', 'samples_missing', 'context_missing', 'answer_long', ...CONTEXT_WARNINGS] as const

export type OutcomeWarning = typeof OUTCOME_WARNINGS[number]

/** Warnings in replies to policies. `context_unknown`: no outcome has named the context yet; its key may be misspelt. */
export const POLICY_WARNINGS = ['context_unknown'] as const

export type PolicyWarning = typeof POLICY_WARNINGS[number]

/**
 * Warnings in replies to pins. `pin_without_effect`: the pin is above the leaves and applies to none of them, since its context is not a
 * pool or each context of the pool has a pin of its own.
 */
export const PIN_WARNINGS = [...POLICY_WARNINGS, 'pin_without_effect'] as const

export type PinWarning = typeof PIN_WARNINGS[number]

const NO_WARNINGS: readonly ContextWarning[] = []

/** Number of generations from which a pattern is reported. */
const ENOUGH = 32

/** The warnings that apply to a context. @param policy of the context */
export function contextWarnings (state: ContextState, policy: Policy): readonly ContextWarning[] {
  const { follow_up: { accounted, missing, excluded, unenrolled, signals_refused: refused } } = state
  const warnings: ContextWarning[] = []
  if (accounted === 0 && missing + excluded >= ENOUGH) warnings.push('outcomes_missing')
  if (unenrolled >= ENOUGH && unenrolled > accounted) warnings.push('outcomes_not_enrolled')
  if (isWithoutSavings(state)) warnings.push('no_net_savings')
  if (refused > 0) warnings.push('signals_refused')
  if (heldUntil(state.hold) !== null) warnings.push('breach_held')
  if (hasLowFidelity(state.fidelity)) warnings.push('fidelity_low')
  if (lacksProbes(state.fidelity)) warnings.push(probeWarning(state))
  if (state.day.net !== null && state.day.net < 0) warnings.push('tokens_lost')
  if (state.unlikely !== null) warnings.push('certificate_unlikely')
  warnings.push(...evidenceWarnings(state, policy))
  return warnings.length === 0 ? NO_WARNINGS : warnings
}

/** Part of the outcomes or labels that may be missing before a comparison of the arms hides several points. */
const HIDING = 0.01

/** The warning about stops that are reported without their probes, by how well the arms show a breach. */
function probeWarning (state: ContextState): ContextWarning {
  const { arms, follow_up: { accounted, missing }, meaning: { label } } = state
  const sight = breachSight(state, label)
  if (sight === 'unobservable') return 'breach_unobservable'
  const isHidden = missing > HIDING * (accounted + missing) || ungradedShare(arms) > HIDING
  return sight === 'arms' && isHidden ? 'breach_hidden' : 'stopped_probe_missing'
}

function isWithoutSavings (state: ContextState): boolean {
  return state.threshold_index === -1 && (costsMore(state) || state.trials.some(costsMore))
}

/** Whether the threshold that evidence certifies would save less than it costs. */
function costsMore (gathering: Pick<ContextState, 'certified' | 'halves' | 'open'>): boolean {
  return gathering.certified !== -1 && tokensSaved(evidenceOf(gathering), gathering.certified) < 0
}
