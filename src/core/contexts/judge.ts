import { emDrop, grossSavedRatio, tokensSavedRatio } from '../certificate/evidence.js'
import { fidelityRatio, servedDifference } from '../certificate/fidelity.js'
import { trueDrop } from '../certificate/judge-errors.js'
import type { Levels } from '../policy/context.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { breachSight, heldUntil } from '../certificate/breach.js'
import { cadenceOfTreated } from './cadences.js'
import { type ContextState, evidenceTermsOf, haveSameEvidenceTerms } from './context-state.js'
import { mayCertify } from './evidence-checks.js'
import { cancelledRatio, followUpRatio } from './follow-up-counts.js'
import { isGraderBroken } from './grader.js'
import { type Guarantee, subjectOf } from './guarantee.js'
import { certifiedNow, type ScoredEvidence, scoredEvidence } from './scored-evidence.js'

/** The threshold that a context's own evidence certifies under a policy. */
export interface Judgement {
  /** Index on the grid of the score, -1 for none. */
  readonly index: number
  readonly threshold: number | null
  readonly guarantee: Guarantee | null
}

export const NO_JUDGEMENT: Judgement = { index: -1, threshold: null, guarantee: null }

/** Whether the state's evidence has the meaning that the policy asks about; if not, a new epoch is due and nothing is certified. */
export function isCurrent (state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors): boolean {
  return haveSameEvidenceTerms(state.meaning, evidenceTermsOf(policy, levels, predictors))
}

/** The certified threshold that saves the most tokens net, by the current evidence. During a hold there is none. */
export function judgeAfresh (state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors): Judgement {
  if (!isCurrent(state, policy, levels, predictors) || heldUntil(state.hold) !== null) return NO_JUDGEMENT
  if (isGraderBroken(state.grader) || cadenceOfTreated(state.cadences) === 'more') return NO_JUDGEMENT
  const isSticky = haveSameTerms(state.judged_by, policy)
  if (isSticky && state.certified === -1) return NO_JUDGEMENT
  const scored = scoredEvidence(state, policy, predictors)
  const { grid, evidence } = scored
  const index = isSticky ? scored.certified : mayCertify(state, policy) ? certifiedNow(scored, policy) : -1
  if (index === -1 || tokensSavedRatio(evidence, index) <= 0) return NO_JUDGEMENT
  return { index, threshold: grid[index]!, guarantee: guaranteeOf(state, policy, scored, index) }
}

/**
 * The judgement in force. It is the learner's own, so that every replica has the same threshold and guarantee to the bit, unless a policy
 * or the end of a predictor has not been folded yet: then the evidence is judged again.
 */
export function judge (state: ContextState | undefined, policy: Policy, levels: Levels, predictors: LivePredictors): Judgement {
  if (state === undefined) return NO_JUDGEMENT
  if (haveSameTerms(state.judged_by, policy) && isCurrent(state, policy, levels, predictors)) return judgementOf(state)
  const now = judgeAfresh(state, policy, levels, predictors)
  return isInForce(state, now) && isSameGuarantee(state.guarantee, now.guarantee) ? { ...now, guarantee: state.guarantee } : now
}

function judgementOf ({ threshold_index: index, threshold, guarantee }: ContextState): Judgement {
  return index === -1 ? NO_JUDGEMENT : { index, threshold, guarantee }
}

/** Whether a judgement has the threshold that the learner has put in force. */
export function isInForce (state: ContextState, { index }: Judgement): boolean {
  return index === state.threshold_index
}

/** The guarantee to show: the last one, until its terms change, or its evidence or the stops grow by a tenth. */
export function freezeGuarantee (last: Guarantee | null, now: Guarantee | null): Guarantee | null {
  if (last === null || now === null || !isSameGuarantee(last, now)) return now
  const hasMoved = (count: number, before: number) => count < before || (count > before && count >= 1.1 * before)
  return now.breach !== last.breach || hasMoved(now.generations, last.generations) || hasMoved(now.stops, last.stops) ? now : last
}

function isSameGuarantee (a: Guarantee | null, b: Guarantee | null): boolean {
  return a !== null && b !== null && a.epoch === b.epoch && a.max_em_drop === b.max_em_drop && a.error_level === b.error_level &&
    a.post_hoc === b.post_hoc && a.about === b.about && a.since_step === b.since_step
}

function guaranteeOf (state: ContextState, policy: Policy, scored: ScoredEvidence, index: number): Guarantee {
  const { evidence, isPostHoc } = scored
  return {
    max_em_drop: policy.max_em_drop,
    error_level: policy.error_level,
    post_hoc: isPostHoc,
    label: policy.label,
    ...subjectOf(policy, state.follow_up, state.label_sources),
    follow_up_ratio: followUpRatio(state),
    cancelled_ratio: cancelledRatio(state),
    on_arrival: policy.follow_up_seconds === 0,
    scope: policy.certify_at === null ? 'context' : 'pool',
    generations: evidence.generations,
    em_drop: trueDrop(emDrop(evidence, index), policy),
    ...servedIn(state, policy),
    breach: breachSight(state.fidelity),
    tokens_saved_ratio: tokensSavedRatio(evidence, index),
    tokens_saved_gross_ratio: grossSavedRatio(evidence, index),
    epoch: state.epoch,
    since_step: state.checkpoint?.since ?? null,
  }
}

/** The part of a guarantee about probed and served answers. */
function servedIn ({ fidelity }: ContextState, { max_em_drop: bound, error_level: level }: Policy) {
  const served = servedDifference(fidelity, level)
  return {
    stops: fidelity.stops,
    fidelity: fidelityRatio(fidelity),
    served_em_drop: served?.estimate ?? null,
    served_em_drop_high: served?.high ?? null,
    total_em_drop_bound: served === null ? null : bound + Math.max(0, served.high),
  }
}
