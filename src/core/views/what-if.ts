import type { Levels } from '../policy/context.js'
import { evidenceOf, type ContextState } from '../judgement/context-state.js'
import { describeThresholds, type ThresholdRow } from './describe-thresholds.js'
import { candidateOf } from '../judgement/candidate-scorer.js'
import { judgeAfresh } from '../judgement/judge.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { describeTradeoff, type TradeoffView } from '../tradeoff/describe-tradeoff.js'

/** What of a policy says only how the counts at hand are judged: another value can be answered for from the same counts. */
export const FROM_COUNTS = ['max_em_drop', 'error_level', 'predictor', 'value_of_em', 'price_per_1k_tokens', 'em_per_token_percent'] as const

export type Judged = Pick<Policy, typeof FROM_COUNTS[number]>

const NEW_EPOCH = 'was counted under the value in force, and another one starts a new epoch, from zero'

/** Why the counts at hand can't answer for another value of the rest. */
export const NOT_FROM_COUNTS: Readonly<Record<Exclude<keyof Policy, keyof Judged>, string>> = {
  label: `what made an answer right ${NEW_EPOCH}`,
  missing_labels: `what a missing label came to ${NEW_EPOCH}`,
  min_tokens: `where generations would have stopped ${NEW_EPOCH}`,
  check_every_tokens: `where generations would have stopped ${NEW_EPOCH}`,
  control_rate: 'it moves how fast evidence comes, not what the evidence at hand certifies',
  mode: 'it moves whether a threshold is acted on, not what is certified',
  fallback: 'it moves what is done where nothing is certified here, not what is certified',
  settle_seconds: 'it moves which arrivals will be evidence, and those that were set aside are not kept',
  evidence_window: 'it moves how long evidence will be kept, and what has left the window is not kept',
  max_evidence_age_seconds: 'it moves when silence takes a threshold back, not what is certified',
  record_steps: 'it moves where steps are kept, not what is certified',
}

/** What the evidence at hand would certify under another wish. */
export interface WhatIf extends Judged, Pick<TradeoffView, 'expected_utility' | 'unfavourable_from'> {
  /** Another wish than the epoch began with was chosen after looking, so the bar is thirty times higher. */
  readonly post_hoc: boolean
  readonly threshold: number | null
  /** Whose score the thresholds are for: `confidence`, or a predictor, by name. */
  readonly score: string
  readonly em_drop: number | null
  readonly em_drop_low: number | null
  readonly em_drop_high: number | null
  readonly tokens_saved_ratio: number
  readonly generations: number
  /** More control generations until the next threshold would be certified. */
  readonly generations_to_next_certificate: number | null
  readonly thresholds: ThresholdRow[]
}

/** It is asked what the evidence says, not when more will come. */
const NO_PACE = { now: 0, since: 0, perSecond: null }

/** @param policy the context's own, with the other wish in it */
export function whatIf (state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors): WhatIf {
  const isUnseen = evidenceOf(state).generations === 0 // then any wish is as good as the first
  const asked = isUnseen ? { ...state, requested: policy } : state
  const { scorer, index, threshold } = judgeAfresh(asked, policy, levels, predictors)
  const score = scorer ?? 'confidence'
  const candidate = candidateOf(asked, policy, predictors, scorer)
  const thresholds = describeThresholds(candidate, policy)
  const row = thresholds[index]
  const { expected_utility, em_per_token_percent, unfavourable_from } =
    describeTradeoff({ ...candidate, score, index, suspicion: 1 }, policy, NO_PACE)
  return {
    max_em_drop: policy.max_em_drop,
    error_level: policy.error_level,
    predictor: policy.predictor,
    value_of_em: policy.value_of_em,
    price_per_1k_tokens: policy.price_per_1k_tokens,
    em_per_token_percent,
    post_hoc: candidate.isPostHoc,
    threshold,
    score,
    em_drop: row?.em_drop ?? null,
    em_drop_low: row?.em_drop_low ?? null,
    em_drop_high: row?.em_drop_high ?? null,
    tokens_saved_ratio: row?.tokens_saved_ratio ?? 0,
    expected_utility,
    unfavourable_from,
    generations: candidate.evidence.generations,
    generations_to_next_certificate: thresholds.find(({ certified }) => !certified)?.generations_needed ?? null,
    thresholds,
  }
}
