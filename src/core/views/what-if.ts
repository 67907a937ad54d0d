import type { Levels } from '../policy/context.js'
import type { KeptTrace } from '../certificate/kept-trace.js'
import type { ContextState } from '../judgement/context-state.js'
import { describeThresholds } from './describe-thresholds.js'
import { candidateOf } from '../judgement/candidate-scorer.js'
import { judgeAfresh } from '../judgement/judge.js'
import { requestGuarantee } from '../judgement/request-guarantee.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { replayTraces } from './replay-traces.js'
import { describeTradeoff } from '../tradeoff/describe-tradeoff.js'

/** Policy fields that what-if queries may change: those that only affect how evidence is judged, and the cadence, by kept traces. */
export const ANSWERABLE_FIELDS = [
  'max_em_drop', 'error_level', 'predictor', 'value_of_em', 'price_per_1k_tokens', 'em_per_token_percent', 'check_every_tokens',
  'check_growth',
] as const

export type AnswerableFields = Pick<Policy, typeof ANSWERABLE_FIELDS[number]>

const NEW_EPOCH = 'the present evidence was counted under the present value, and another value starts a new epoch without evidence'

/** Why what-if queries cannot change the other policy fields. */
export const UNANSWERABLE_FIELDS: Readonly<Record<Exclude<keyof Policy, keyof AnswerableFields>, string>> = {
  label: NEW_EPOCH,
  missing_labels: NEW_EPOCH,
  min_tokens: NEW_EPOCH,
  control_rate: 'it affects how fast evidence arrives, not what the present evidence certifies',
  mode: 'it affects whether a threshold stops generations, not what is certified',
  missing_outcomes: NEW_EPOCH,
  label_rate: 'it affects how many generations are enrolled, not what the present evidence certifies',
  certify_at: 'it affects which contexts share their evidence',
  follow_up_seconds: 'it affects when a missing outcome is given up, not what the present evidence certifies',
  evidence_window: 'it affects how long evidence is kept, and evidence that has left the window is not stored',
  max_evidence_age_seconds: 'it affects when a threshold without new evidence is withdrawn, not what is certified',
  record_steps: 'it affects where steps are recorded, not what is certified',
}

export type WhatIf = ReturnType<typeof whatIf>

/** The answer contains no times. */
const NO_PACE = { now: 0, since: 0, perSecond: null }

/**
 * What the present evidence would certify if another guarantee were requested. Where another cadence is asked about, the evidence is what
 * the kept traces would have shown at it; the guarantee is then that of a new epoch, so nothing is post hoc.
 * @param policy the effective policy with the changed fields
 * @param traces those kept of the context, where a cadence is asked about
 */
export function whatIf (
  state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors, traces: readonly KeptTrace[] | null = null) {
  if (traces === null) return { ...judged(state, policy, levels, predictors), cadence: null }
  const { asked, comparison } = replayTraces(state, policy, levels, traces)
  return { ...judged(asked, policy, levels, predictors), cadence: comparison }
}

function judged (state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors) {
  const asked = requestGuarantee(state, policy)
  const { scorer, index, threshold } = judgeAfresh(asked, policy, levels, predictors)
  const score = scorer ?? 'confidence'
  const candidate = candidateOf(asked, policy, predictors, scorer)
  const thresholds = describeThresholds(candidate, policy)
  const row = thresholds[Math.floor(index)]
  const { expected_utility, em_per_token_percent, unfavourable_from } =
    describeTradeoff({ ...candidate, score, index, suspicion: 1 }, policy, NO_PACE)
  return {
    max_em_drop: policy.max_em_drop,
    error_level: policy.error_level,
    predictor: policy.predictor,
    value_of_em: policy.value_of_em,
    price_per_1k_tokens: policy.price_per_1k_tokens,
    em_per_token_percent,
    check_every_tokens: policy.check_every_tokens,
    check_growth: policy.check_growth,
    post_hoc: candidate.isPostHoc,
    threshold,
    score,
    em_drop: row?.em_drop ?? null,
    em_drop_low: row?.em_drop_low ?? null,
    em_drop_high: row?.em_drop_high ?? null,
    tokens_saved_ratio: row?.tokens_saved_ratio ?? 0,
    tokens_saved_gross_ratio: row?.tokens_saved_gross_ratio ?? 0,
    expected_utility,
    unfavourable_from,
    generations: candidate.evidence.generations,
    generations_to_next_certificate: thresholds.find(({ certified }) => !certified)?.generations_needed ?? null,
    thresholds,
  }
}
