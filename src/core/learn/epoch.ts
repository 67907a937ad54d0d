import type { Levels } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../scores/predictor-version.js'
import { scoreOfPolicy, scoreTerms } from '../scores/score.js'
import { type EndedEpoch, type EpochCause, type Looks, looksAfter, type RequestedGuarantee, requestOf } from '../stats/error-budget.js'

const NO_PREDICTORS: LivePredictors = new Map()

/** A run of evidence under one meaning. Times are the log's, in ms. */
export interface Epoch {
  /** Counted from 1. */
  readonly number: number
  readonly cause: EpochCause
  readonly started_at: number
  /** The id of the log entry that opened it. Enrolments under another name are void. */
  readonly name: string
  readonly meaning: EvidenceTerms
  readonly requested: RequestedGuarantee
  readonly looks: Looks
}

/** The entry of the log that opens an epoch, and what holds then. */
export interface Opening {
  readonly cause: EpochCause
  readonly policy: Policy
  readonly levels: Levels
  readonly predictors?: LivePredictors
  readonly time: number
  /** Its id. */
  readonly name: string
}

/** @param last number of the last epoch, 0 for a new context. @param ended that epoch */
export function nextEpoch (
  last: number, ended: EndedEpoch | undefined, { cause, policy, levels, predictors, time, name }: Opening): Epoch {
  return {
    number: last + 1,
    cause,
    started_at: time,
    name,
    meaning: evidenceTermsOf(policy, levels, predictors),
    requested: requestOf(policy),
    looks: looksAfter(ended, cause, policy, time),
  }
}

/** How many thresholds the score of a new epoch has: none without its predictor, so that the epoch gathers no evidence. */
export function thresholdsOfScore ({ policy, levels, predictors = NO_PREDICTORS }: Opening): number {
  return scoreOfPolicy(policy, levels, predictors)?.grid.length ?? 0
}

export function withRequested (epoch: Epoch, policy: RequestedGuarantee): Epoch { return { ...epoch, requested: requestOf(policy) } }

/** Whether counts of the newest units go on: the epoch begins since they are clear, or has the same reports. */
export function isContinuing (cause: EpochCause): boolean { return cause === 'repair' || cause === 'recovered' }

/** The meaning of evidence. Evidence under one meaning proves nothing under another, so a change of any field opens an epoch. */
export type EvidenceTerms = Readonly<ReturnType<typeof evidenceTermsOf>>

export function evidenceTermsOf (policy: Policy, levels: Levels, predictors: LivePredictors = NO_PREDICTORS) {
  const { label, judge_miss_rate, judge_gain_share } = policy
  const { evidence_span_seconds, min_tokens, check_every_tokens, check_growth } = policy
  const score = scoreTerms(policy, levels, predictors)
  const cadence = { min_tokens, check_every_tokens, check_growth }
  const judge = { judge_miss_rate, judge_gain_share: judge_miss_rate === null ? 0 : judge_gain_share }
  return { ...score, label, ...judge, evidence_span_seconds, ...cadence, levels: levels.join() }
}

export function haveSameEvidenceTerms (a: EvidenceTerms, b: EvidenceTerms): boolean {
  return a.score === b.score && a.score_fingerprint === b.score_fingerprint && a.label === b.label &&
    a.judge_miss_rate === b.judge_miss_rate && a.judge_gain_share === b.judge_gain_share &&
    a.evidence_span_seconds === b.evidence_span_seconds && a.min_tokens === b.min_tokens &&
    a.check_every_tokens === b.check_every_tokens && a.check_growth === b.check_growth && a.levels === b.levels
}
