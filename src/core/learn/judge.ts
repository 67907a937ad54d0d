import { mayCertify } from '../evidence/blocks.js'
import { isGraderBroken } from '../evidence/grader.js'
import { isAskedMore, isHeld } from '../guards/guards.js'
import type { Guarantee } from '../decide/guarantee.js'
import type { Levels } from '../policy/context.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { LivePredictors } from '../scores/predictor-version.js'
import { tokensSavedRatio } from '../stats/evidence.js'
import type { ContextState } from './context-state.js'
import { evidenceTermsOf, haveSameEvidenceTerms } from './epoch.js'
import { guaranteeOf, isSameGuarantee } from './guarantee.js'
import { certifiedNow, scoredEvidence } from './scored-evidence.js'

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
  return haveSameEvidenceTerms(state.epoch.meaning, evidenceTermsOf(policy, levels, predictors))
}

/** The certified threshold that saves the most tokens net, by the current evidence. During a hold there is none. */
export function judgeAfresh (state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors): Judgement {
  if (!isCurrent(state, policy, levels, predictors) || isHeld(state.guards)) return NO_JUDGEMENT
  if (isGraderBroken(state.reports.grader) || isAskedMore(state.guards)) return NO_JUDGEMENT
  if (state.reports.is_blocked && state.rule.index === -1) return NO_JUDGEMENT // the end of the block opens an epoch
  const isSticky = haveSameTerms(state.rule.judged_by, policy)
  if (isSticky && state.evidence.certified === -1) return NO_JUDGEMENT
  const scored = scoredEvidence(state, policy, predictors)
  const { grid, evidence } = scored
  const index = isSticky ? scored.certified : mayCertify(state.reports, policy) ? certifiedNow(scored, policy) : -1
  if (index === -1 || tokensSavedRatio(evidence, index) <= 0) return NO_JUDGEMENT
  return { index, threshold: grid[index]!, guarantee: guaranteeOf(state, policy, scored) }
}

/**
 * The judgement in force. It is the learner's own, so that every replica has the same threshold and guarantee to the bit, unless a policy
 * or the end of a predictor has not been folded yet: then the evidence is judged again.
 */
export function judge (state: ContextState | undefined, policy: Policy, levels: Levels, predictors: LivePredictors): Judgement {
  if (state === undefined) return NO_JUDGEMENT
  if (haveSameTerms(state.rule.judged_by, policy) && isCurrent(state, policy, levels, predictors)) return judgementOf(state)
  const now = judgeAfresh(state, policy, levels, predictors)
  return isInForce(state, now) && isSameGuarantee(state.rule.guarantee, now.guarantee) ? { ...now, guarantee: state.rule.guarantee } : now
}

function judgementOf ({ rule: { index, threshold, guarantee } }: ContextState): Judgement {
  return index === -1 ? NO_JUDGEMENT : { index, threshold, guarantee }
}

/** Whether a judgement has the threshold that the learner has put in force. */
export function isInForce (state: ContextState, { index }: Judgement): boolean {
  return index === state.rule.index
}
