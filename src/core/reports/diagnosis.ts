import { heldUntil } from '../guards/breach.js'
import type { ContextState } from '../learn/context-state.js'
import { knownEvidence } from '../evidence/gathered-evidence.js'
import { contextWarnings } from '../learn/context-warnings.js'
import type { EffectiveThreshold } from '../learn/effective-threshold.js'
import { hasLeft } from '../evidence/membership.js'
import type { ChainLink } from '../learn/chain-link.js'

/**
 * Why no generation of a context is stopped, with the next step, in the order in which to look. docs/troubleshooting.md has a paragraph for
 * each.
 */
export const DIAGNOSES = {
  sums_only: 'This context only sums up those below it: look at one of them.',
  mode_off: 'Its mode is off, by its own policy or one above it: set that to enforce. If stopping is paused, end the pause on the Fleet view.',
  mode_shadow: 'Its mode is shadow, so decisions are made but stop nothing: set it to enforce.',
  pin_never: 'A pin says never: remove it, or pin a threshold.',
  left_pool: 'It has left its pool, since its own generations lose more EM than the pool allows: certify it on its own, or wait for the next epoch of the pool.',
  suspended: 'Its guards cannot see, since half or more of its newest 128 control generations came to nothing, or of its newest 128 stops were refused: read sight, and repair what workers report.',
  breach_held: 'Stops served other answers than were probed, so no threshold is in force for a time: answer from exactly the prefix that was probed, then reset it.',
  new_member: 'It is new in its pool, and its first generations run in full: wait.',
  not_asked: 'No generation has been enrolled since the epoch began. If there is traffic, ask for a decision at the first check of each generation, with its id and without an arm.',
  not_enrolled: 'Outcomes arrive of generations that were not enrolled: ask at the first check of each generation, under the id of its outcome.',
  outcomes_missing: 'Generations are enrolled, but their outcomes, steps or labels have not arrived: report every generation that asked.',
  labels_missing: 'Outcomes wait for labels: send em, an answer with a reference, or labels, or set the label of the policy to agreement.',
  probe_form_missing: 'No forced answer equals the one that the model itself gives, so nothing is probed: state how its answers look.',
  answers_unprobed: 'No check has an answer: its answers are longer than a probe may be, or probes fail or come too late. Let probes be longer, or turn it off.',
  reports_faulty: 'Reports do not qualify as evidence: see the warnings of this context.',
  lists_late: 'Lists of enrolments reached the store too late, since it was away or slow, so their generations are no evidence: wait, and check the store if it stays.',
  accuracy: 'The thresholds that save tokens seem to lose more EM than is allowed: find a better confidence, or see in the trade-off what they lose.',
  probe_cost: 'Probes cost as much as stops would save: use shorter probes, or ask less often.',
  too_few: 'Learning would cost more than it would have saved on the traffic so far: certify it with others as a pool, or let it run.',
  withdrawn: 'Its threshold was withdrawn, since stopping had come to lose too much, and none has been certified since: look for a change of the model, the prompts or the grader.',
  collecting: 'Evidence is being collected: wait.',
} as const

export type Diagnosis = keyof typeof DIAGNOSES

/** Warnings without whose cure nothing is certified. */
const BLOCKING: ReadonlySet<string> = new Set(['grader_broken', 'cadences_differ', 'left_out_high', 'prompt_unmarked', 'steps_missing'])
/** Control outcomes without their labels from which labels are missing. */
const ENOUGH = 32

interface Diagnosed {
  readonly own: ChainLink
  readonly effective: EffectiveThreshold
  /** The state of the context whose evidence certifies for it, its own or that of its pool; absent: nothing was enrolled there. */
  readonly gathering: ContextState | undefined
  /** Whether evidence is gathered in it: it is a leaf, or a pool. */
  readonly isGathering: boolean
}

/** @returns `null`: its generations are stopped at a threshold */
export function diagnose ({ own, effective, gathering, isGathering }: Diagnosed): Diagnosis | null {
  if (!isGathering) return 'sums_only'
  if (own.policy.mode === 'off') return 'mode_off'
  if (effective.threshold !== null) return own.policy.mode === 'shadow' ? 'mode_shadow' : null
  if (effective.isPinned) return 'pin_never'
  if (hasLeft(own.leftEpoch, effective.source.epochName)) return 'left_pool'
  if (gathering === undefined) return 'not_asked'
  if (heldUntil(gathering.guards.hold) !== null) return 'breach_held'
  if (effective.isSuspended) return 'suspended'
  if (effective.isNew && effective.source.threshold !== null) return 'new_member'
  return faultOf(gathering, effective.source) ?? prospectOf(gathering)
}

/** What keeps reports from being evidence. */
function faultOf (state: ContextState, { policy }: ChainLink): Diagnosis | null {
  const { reports: { follow_up: { enrolled, unlisted, void: voided, labels_wanted: wanted, labels_given: given } } } = state
  if (enrolled === 0 && knownEvidence(state.evidence).generations === 0) return unlisted > 0 ? 'not_enrolled' : voided > 0 ? 'lists_late' : 'not_asked'
  const warnings: readonly string[] = contextWarnings(state, policy)
  if (warnings.includes('outcomes_not_enrolled')) return 'not_enrolled'
  if (warnings.includes('outcomes_missing')) return 'outcomes_missing'
  if (warnings.includes('probe_form_missing')) return 'probe_form_missing'
  if (warnings.includes('answers_unprobed')) return 'answers_unprobed'
  if (wanted >= ENOUGH && given < wanted / 2) return 'labels_missing'
  if (warnings.some((warning) => BLOCKING.has(warning))) return 'reports_faulty'
  if (warnings.includes('lists_late')) return 'lists_late'
  return warnings.includes('no_net_savings') ? 'probe_cost' : null
}

/** The certificate that the evidence can be expected to give. */
function prospectOf ({ rule: { unlikely }, epoch: { cause } }: ContextState): Diagnosis {
  const isWithdrawn = cause === 'drift' || cause === 'breach'
  if (isWithdrawn && (unlikely === null || unlikely === 'accuracy')) return 'withdrawn' // a loss calls for its cause, not for a larger bound
  return unlikely ?? 'collecting'
}
