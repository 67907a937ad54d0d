import type { Levels } from '../policy/context.js'
import { fieldsOf, pick, type Policy } from '../policy/policy.js'
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

const EPOCH_FIELDS = fieldsOf('meaning', 'judging')

/** The meaning of evidence: the fields of the policy that another epoch begins with, the version of the score, and the levels. */
export type EvidenceTerms = Readonly<Pick<Policy, typeof EPOCH_FIELDS[number]> & ReturnType<typeof scoreTerms> & { levels: string }>

export function evidenceTermsOf (policy: Policy, levels: Levels, predictors: LivePredictors = NO_PREDICTORS): EvidenceTerms {
  const judge_gain_share = policy.judge_miss_rate === null ? 0 : policy.judge_gain_share
  return { ...pick(policy, EPOCH_FIELDS), ...scoreTerms(policy, levels, predictors), judge_gain_share, levels: levels.join() }
}

const TERMS = [...EPOCH_FIELDS, 'score_fingerprint', 'levels'] as const satisfies ReadonlyArray<keyof EvidenceTerms>

export function haveSameEvidenceTerms (a: EvidenceTerms, b: EvidenceTerms): boolean { return TERMS.every((name) => a[name] === b[name]) }
