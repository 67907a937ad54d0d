import { tokensSaved } from '../certificate/evidence.js'
import { type ContextState, evidenceOf } from './context-state.js'

/** Problems with the reports on a context. Workers and operators are warned of them. The first two prevent a certificate. */
export const CONTEXT_WARNINGS = ['outcomes_missing', 'outcomes_not_enrolled', 'no_net_savings', 'signals_refused'] as const

export type ContextWarning = typeof CONTEXT_WARNINGS[number]

/**
 * What replies to outcomes warn of: an outcome that lacks its arm, the number of samples in its group or its context; a control outcome
 * that lacks its steps; an answer too long to match its reference; and the above.
 */
export const OUTCOME_WARNINGS = ['arm_missing', 'samples_missing', 'context_missing', 'steps_missing', 'answer_long', ...CONTEXT_WARNINGS] as const

export type OutcomeWarning = typeof OUTCOME_WARNINGS[number]

/** What replies to policies warn of. `context_unknown`: no outcome has named the context yet, as where its key is misspelt. */
export const POLICY_WARNINGS = ['context_unknown'] as const

export type PolicyWarning = typeof POLICY_WARNINGS[number]

/**
 * What replies to pins warn of. `pin_without_effect`: the pin is above the leaves and holds for none of them, since its context is no pool
 * or each context of the pool has a pin of its own.
 */
export const PIN_WARNINGS = [...POLICY_WARNINGS, 'pin_without_effect'] as const

export type PinWarning = typeof PIN_WARNINGS[number]

const NO_WARNINGS: readonly ContextWarning[] = []

/** Generations that show a pattern. */
const ENOUGH = 32

/**
 * `outcomes_missing`: generations are enrolled, and none of their outcomes comes. `outcomes_not_enrolled`: outcomes come, and most of them
 * are of generations that nobody asked about at their first step, as where workers report under other ids. `no_net_savings`: a threshold is
 * certified, and probes cost more than it would save. `signals_refused`: signals had too many names, so that predictors do not learn from
 * some.
 */
export function contextWarnings (state: ContextState): readonly ContextWarning[] {
  const { follow_up: { accounted, missing, excluded, unenrolled, signals_refused: refused } } = state
  const warnings: ContextWarning[] = []
  if (accounted === 0 && missing + excluded >= ENOUGH) warnings.push('outcomes_missing')
  if (unenrolled >= ENOUGH && unenrolled > accounted) warnings.push('outcomes_not_enrolled')
  if (isWithoutSavings(state)) warnings.push('no_net_savings')
  if (refused > 0) warnings.push('signals_refused')
  return warnings.length === 0 ? NO_WARNINGS : warnings
}

function isWithoutSavings (state: ContextState): boolean {
  return state.threshold_index === -1 && (costsMore(state) || state.trials.some(costsMore))
}

/** Whether the threshold that evidence certifies would save less than it costs. */
function costsMore (gathering: Pick<ContextState, 'certified' | 'halves' | 'open'>): boolean {
  return gathering.certified !== -1 && tokensSaved(evidenceOf(gathering), gathering.certified) < 0
}
