import { heldUntil } from '../guards/breach.js'
import { type ContextState, isWithdrawn } from '../learn/context-state.js'
import { knownEvidence } from '../evidence/gathered-evidence.js'
import type { ContextWarning } from '../decide/warnings.js'
import type { Policy } from '../policy/policy.js'
import { contextWarnings, isWithoutSavings } from '../learn/context-warnings.js'
import type { EffectiveThreshold } from '../learn/effective-threshold.js'
import { hasLeft } from '../evidence/membership.js'
import type { ChainLink } from '../learn/chain-link.js'

/**
 * Why no generation of a context is stopped, with the next step, in the order in which to look. docs/troubleshooting.md has a paragraph for
 * each.
 */
export const DIAGNOSES = {
  sums_only: 'This context only sums up those below it: look at one of them.',
  mode: 'Its mode is off or shadow, by its own policy or one above it: set that to enforce. If stopping is paused, end the pause on the Fleet view.',
  pin_never: 'A pin says never: remove it, or pin a threshold.',
  left_pool: 'It has left its pool, since its own generations lose more EM than the pool allows: certify it on its own, or wait for the next epoch of the pool.',
  suspended: 'Its guards cannot see: half or more of its newest 128 control generations came to nothing, or of its newest 128 stops were refused. Read sight, and repair what workers report.',
  breach_held: 'Stops served other answers than were probed, so no threshold is in force for a time: answer from exactly the prefix that was probed, then reset it.',
  withdrawn: 'Its threshold was withdrawn, since stopping had come to lose too much, and none has been certified since: look for a change of the model, the prompts or the grader.',
  not_asked: 'No generation has been enrolled since the epoch began. If there is traffic, ask for a decision at the first check of each generation, without an arm and under the id of its outcome.',
  reports_faulty: 'What workers report does not qualify as evidence.',
  accuracy: 'The thresholds that save tokens seem to lose more EM than is allowed: find a better confidence, or see in the trade-off what they lose.',
  too_costly: 'Learning and probes would cost more than stops save on the traffic so far: use shorter probes, ask less often, or certify it with others as a pool.',
  collecting: 'Evidence is being collected: wait.',
} as const

export type Diagnosis = keyof typeof DIAGNOSES

/** Warnings that keep a context from being certified, in the order in which to cure them. */
const BLOCKING = [
  'left_out_high', 'outcomes_missing', 'probe_form_unfit', 'answers_unprobed', 'labels_missing', 'steps_missing', 'prompt_unmarked',
  'cadences_differ', 'grader_broken', 'score_unavailable',
] as const satisfies readonly ContextWarning[]

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
  if (own.policy.mode === 'off') return 'mode'
  if (effective.threshold !== null) return own.policy.mode === 'shadow' ? 'mode' : null
  if (effective.isPinned) return 'pin_never'
  if (hasLeft(own.leftEpoch, effective.source.epochName)) return 'left_pool'
  if (gathering === undefined) return 'not_asked'
  if (heldUntil(gathering.guards.hold) !== null) return 'breach_held'
  if (effective.isSuspended) return 'suspended'
  if (effective.isNew && effective.source.threshold !== null) return 'collecting'
  return faultOf(gathering, effective.source) ?? prospectOf(gathering)
}

/** What keeps reports from being evidence. */
function faultOf (state: ContextState, { policy }: ChainLink): Diagnosis | null {
  if (blockingWarning(state, policy) !== null) return 'reports_faulty'
  const { enrolled } = state.reports.follow_up
  if (enrolled === 0 && knownEvidence(state.evidence).generations === 0) return 'not_asked'
  return isWithoutSavings(state) ? 'too_costly' : null
}

/** @returns `null`: none blocks */
export function blockingWarning (state: ContextState, policy: Policy): typeof BLOCKING[number] | null {
  const warnings = contextWarnings(state, policy)
  return BLOCKING.find((warning) => warnings.includes(warning)) ?? null
}

/** The certificate that the evidence can be expected to give. */
function prospectOf (state: ContextState): Diagnosis {
  const { unlikely } = state.rule
  if (isWithdrawn(state) && (unlikely === null || unlikely === 'accuracy')) return 'withdrawn' // a loss calls for its cause, not for a larger bound
  return unlikely === null ? 'collecting' : unlikely === 'accuracy' ? 'accuracy' : 'too_costly'
}
