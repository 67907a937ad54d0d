import type { Caller } from '../access/context-access.js'
import { scopedId } from '../access/scoped-id.js'
import { clampConfidence } from '../core/grading/outcome.js'
import type { Decision, Step } from '../core/decide/decide.js'
import type { DecisionLog } from '../decision-log/decision-log.js'

export interface Logging { readonly isEnrolled: boolean, readonly caller: Caller }

/** Logs a decision, if its generation has an id and is taken. */
export function logStep (
  log: Pick<DecisionLog, 'takes' | 'decided'>, step: Step, decision: Decision, { isEnrolled, caller }: Logging): void {
  const { generation_id: id, context, tokens, confidence, em, answer } = step
  const { arm, context: source, score, scorer, threshold, reason, model_version: version } = decision
  if (id === undefined || !log.takes(id, arm)) return
  log.decided({ // a plain literal, since spreading takes ten times as long
    id: scopedId(caller, id),
    context,
    source,
    arm,
    tokens,
    confidence: clampConfidence(confidence),
    score,
    scorer,
    threshold,
    reason,
    version,
    isEnrolled,
    em,
    answer,
  })
}
