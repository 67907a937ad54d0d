import { tokensSaved } from '../certificate/evidence.js'
import { heldUntil } from '../certificate/breach.js'
import { hasLowFidelity, lacksProbes } from '../certificate/fidelity.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import { doArmsDiffer } from './arms.js'
import { type ContextState, evidenceOf } from './context-state.js'
import { EVIDENCE_CHECKS, evidenceWarnings } from './evidence-checks.js'

/**
 * The warnings about contexts, shown to workers and to operators: what is wrong, as a clause, and what to change. docs/integrate/worker.md
 * and docs/operate/monitoring.md list them.
 */
export const CONTEXT_PROBLEMS = {
  outcomes_missing: {
    problem: 'generations are enrolled, but their outcomes, steps or labels have not arrived',
    cure: 'send every outcome with the ids of its steps, and the wanted labels',
  },
  outcomes_not_enrolled: {
    problem: 'most outcomes belong to generations that were not enrolled, since they did not ask at the first check, or under another id',
    cure: 'ask at the first check of each generation, without an arm and with the ids of its outcome',
  },
  no_net_savings: {
    problem: 'a threshold is certified, but it would save no more tokens than its probes cost, so nothing is stopped',
    cure: 'ask less often (check_every_tokens), or use shorter probes',
  },
  signals_refused: { problem: 'signals have too many names, so predictors do not learn from some of them', cure: 'let workers use fixed names' },
  breach_held: {
    problem: 'stops served other answers than were probed and lost more EM than is allowed, so no certified threshold is in force for a time (breach.held_until of the context)',
    cure: 'answer from exactly the prefix that was probed, and as the probe did, and then reset the context to try at once',
  },
  fidelity_low: {
    problem: 'more than a twentieth of the recent stops served another answer than was probed',
    cure: 'answer from exactly the prefix that was probed, and check that answers are found in the text (an empty answer equals none)',
  },
  stopped_probe_missing: {
    problem: 'more than a tenth of the recent stops are reported without stopped_probe, so what they lose cannot be seen',
    cure: 'send stopped_probe (tokens, and answer or em) with each stop',
  },
  arms_differ: {
    problem: 'graded treated generations have a lower EM than control ones, by more than is allowed and more than chance explains',
    cure: 'compare arms with fidelity in GET /v1/contexts/{key}, and check that both arms are the same model, prompts and sampling, and are graded alike',
  },
  tokens_lost: {
    problem: 'over the last whole day probes cost more tokens than stops saved',
    cure: 'ask less often (check_every_tokens), use shorter probes, or turn the context off',
  },
  labels_never_given: {
    problem: 'no label has come for the first hundred control generations, so every early answer that differs from the final one counts as lost',
    cure: 'send em or a reference with outcomes, or start stopgate grade: label_advice in GET /v1/contexts/{key} names the grader that fits, and what a judge would cost',
  },
  score_unavailable: {
    problem: 'the policy names a predictor as the score that is retired, or is not for its label, so nothing is learned or stopped',
    cure: 'set score to "confidence" or to a predictor that is live, or import that predictor again',
  },
  certificate_unlikely: {
    problem: 'no threshold is likely to be certified, so few generations are probed; the reason is "unlikely" in GET /v1/contexts/{key}',
    cure: 'for accuracy, allow a larger max_em_drop or find a better confidence; for probe_cost, use shorter probes or ask less often; for too_few, certify contexts as a pool',
  },
  ...EVIDENCE_CHECKS,
} as const satisfies Record<string, { readonly problem: string, readonly cure: string }>

export type ContextWarning = keyof typeof CONTEXT_PROBLEMS

export const CONTEXT_WARNINGS = Object.keys(CONTEXT_PROBLEMS) as ContextWarning[]

/** The warnings with their problems and cures, for descriptions. */
export const CONTEXT_WARNINGS_TEXT =
  CONTEXT_WARNINGS.map((warning) => `${warning}: ${CONTEXT_PROBLEMS[warning].problem}: ${CONTEXT_PROBLEMS[warning].cure}`).join('. ')

/**
 * Warnings in replies to outcomes: an outcome that lacks its arm, the number of samples in its group or its context; an answer too long to
 * match its reference; a context beyond the limit; and the above, of which `steps_missing` may also be about the outcome itself.
 */
export const OUTCOME_WARNINGS = ['arm_missing', 'samples_missing', 'context_missing', 'context_without_room', 'answer_long', ...CONTEXT_WARNINGS] as const

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
  const { follow_up: { accounted, missing, unlisted, signals_refused: refused } } = state
  const warnings: ContextWarning[] = []
  if (accounted === 0 && missing >= ENOUGH) warnings.push('outcomes_missing')
  if (unlisted >= ENOUGH && unlisted > accounted) warnings.push('outcomes_not_enrolled')
  if (isWithoutSavings(state)) warnings.push('no_net_savings')
  if (refused > 0) warnings.push('signals_refused')
  if (heldUntil(state.hold) !== null) warnings.push('breach_held')
  if (hasLowFidelity(state.fidelity)) warnings.push('fidelity_low')
  if (lacksProbes(state.fidelity)) warnings.push('stopped_probe_missing')
  if (doArmsDiffer(state.arms, policy)) warnings.push('arms_differ')
  if (state.day.net !== null && state.day.net < 0) warnings.push('tokens_lost')
  if (lacksLabels(state, policy)) warnings.push('labels_never_given')
  if (isScoreUnavailable(state)) warnings.push('score_unavailable')
  else if (state.unlikely !== null) warnings.push('certificate_unlikely')
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
function isScoreUnavailable ({ meaning: { score, score_fingerprint: fingerprint } }: ContextState): boolean {
  return score !== CONFIDENCE && fingerprint === null
}

/** Control generations after which a context without any label is reported. */
const LABELS_EXPECTED = 100

/** Whether labels are wanted, and none has come in the epoch, late or with an outcome. */
function lacksLabels (state: ContextState, { label }: Policy): boolean {
  const { follow_up: counts } = state
  if (label !== 'exact_match' || counts.reported < LABELS_EXPECTED || counts.labels_wanted === 0 || counts.labels_given > 0) return false
  return evidenceOf(state).labelled === 0
}

/** Whether the certified threshold would save less than it costs. */
function isWithoutSavings (state: ContextState): boolean {
  return state.threshold_index === -1 && state.certified !== -1 && tokensSaved(evidenceOf(state), state.certified) < 0
}
