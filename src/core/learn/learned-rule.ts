import { firstShare } from '../decide/arm.js'
import type { Guarantee } from '../decide/guarantee.js'
import type { CertificationTerms, Policy } from '../policy/policy.js'

/**
 * Why a certificate is unlikely. `accuracy`: the thresholds that save tokens seem to lose more than the bound. `probe_cost`: none saves
 * more than its probes cost, whatever it loses. `too_few`: learning about those that save costs more than they would have saved on the
 * traffic so far.
 */
export const UNLIKELY_REASONS = ['accuracy', 'probe_cost', 'too_few'] as const

export type Unlikely = typeof UNLIKELY_REASONS[number]

/** The learned part of the rule that replicas decide by. */
export interface LearnedRule {
  /** Index of the threshold that the learner has in force, -1 for none. */
  readonly index: number
  readonly threshold: number | null
  /** The terms behind that judgement; absent before the first. */
  readonly judged_by?: CertificationTerms | undefined
  /** The guarantee that replicas show: frozen between changes, so that all replicas agree at one version. */
  readonly guarantee: Guarantee | null
  /** Whether the epoch had a threshold in force. */
  readonly was_in_force: boolean
  readonly control_share: number
  /** Why nothing is likely to be certified; `null`: something is, or little is known yet, or a threshold is in force. */
  readonly unlikely: Unlikely | null
}

export const NO_RULE: LearnedRule = {
  index: -1, threshold: null, judged_by: undefined, guarantee: null, was_in_force: false, control_share: 1, unlikely: null,
}

export function newRule (policy: Policy): LearnedRule { return { ...NO_RULE, control_share: firstShare(policy) } }
