import { chainOf } from './context.js'

export type Label = 'exact_match' | 'agreement'

/** What the operator wants in a context. */
export interface Policy {
  /** EM the operator is willing to lose, a fraction (0.02 = 2 points). */
  readonly max_em_drop: number
  /** Chance that a certificate is wrong. */
  readonly error_level: number
  /** Share of generations that are never stopped; `auto` spends less as savings and evidence grow. */
  readonly control_rate: number | 'auto'
  /** What makes an answer right. */
  readonly label: Label
  /** What a missing label counts as: nothing, or `lost` at every threshold that would have stopped the generation. */
  readonly missing_labels: 'excluded' | 'lost'
  readonly mode: 'enforce' | 'shadow' | 'off'
  /** Whether a context without a certificate of its own may stop on its nearest certified ancestor's. */
  readonly fallback: 'continue' | 'parent'
  /** No stop before this many tokens. */
  readonly min_tokens: number
  /** Cadence of the steps, in tokens. */
  readonly check_every_tokens: number
  /** Arrivals this soon after an epoch starts, or the last threshold was lost, are not evidence. */
  readonly settle_seconds: number
  /** Evidence is kept in two halves of this many generations together. */
  readonly evidence_window: number
  /** Silence of the evidence after which the threshold is taken back. */
  readonly max_evidence_age_seconds: number
  /** Whether the steps of control generations are kept here until the outcome, for workers that can't keep them. */
  readonly record_steps: boolean
  /**
   * Whether predictors are trained here, and may serve. With `auto` the level is shared out: raw confidence is certified at error_level/2,
   * the j-th challenger of an epoch at error_level/(2j(j+1)).
   */
  readonly predictor: 'off' | 'auto'
  /** EM, a fraction, that one more percent of the full run's tokens may cost; `null`: not stated. It moves no threshold. */
  readonly em_per_token_percent: number | null
  /** What one right answer is worth, and what 1,000 generated tokens cost, in one currency: both or neither. */
  readonly value_of_em: number | null
  readonly price_per_1k_tokens: number | null
}

/** A policy as written on one context: what is absent is inherited. */
export type PolicyPatch = { readonly [F in keyof Policy]?: Policy[F] }

export const DEFAULT_POLICY: Policy = {
  max_em_drop: 0.02,
  error_level: 0.05,
  control_rate: 'auto',
  label: 'exact_match',
  missing_labels: 'excluded',
  mode: 'enforce',
  fallback: 'continue',
  min_tokens: 0,
  check_every_tokens: 32,
  settle_seconds: 300,
  evidence_window: 20_000,
  max_evidence_age_seconds: 604_800,
  record_steps: true,
  predictor: 'off',
  em_per_token_percent: null,
  value_of_em: null,
  price_per_1k_tokens: null,
}

/** In place of a policy that is damaged where it is kept: what it asked for is not known, so nobody is stopped, there and below. */
export const UNREADABLE_POLICY: PolicyPatch = { mode: 'off' }

/** The policy in force at `key`: field by field, the nearest link that states it. `off` on the root is for all, whatever they state. */
export function effectivePolicy (defaults: PolicyPatch, policies: ReadonlyMap<string, PolicyPatch>, key: string): Policy {
  const stated = chainOf(key).map((link) => policies.get(link))
  const isOff = stated[0]?.mode === 'off' || stated.includes(UNREADABLE_POLICY)
  return Object.assign({}, DEFAULT_POLICY, defaults, ...stated, isOff ? { mode: 'off' } : undefined)
}
