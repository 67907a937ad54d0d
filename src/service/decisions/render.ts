import { guaranteeToWire } from '../../../openapi/wire.js'
import type { Guarantee } from '../../core/decide/index.js'
import type { AnsweredDecision, BatchAnswer } from './answer-step.js'
import type { RuleReply } from './rule-reply.js'

/** The text of each guarantee. A guarantee is most of a first reply, and is frozen until the snapshot changes. */
const rendered = new WeakMap<Guarantee, string>()

function renderGuarantee (guarantee: Guarantee | null): string {
  if (guarantee === null) return 'null'
  let text = rendered.get(guarantee)
  if (text === undefined) rendered.set(guarantee, text = JSON.stringify(guaranteeToWire(guarantee)))
  return text
}

/** The text of each rule, which stays the same until the snapshot changes. */
const renderedRules = new WeakMap<RuleReply, string>()

function renderRule (rule: RuleReply): string {
  let text = renderedRules.get(rule)
  if (text === undefined) renderedRules.set(rule, text = JSON.stringify(rule))
  return text
}

/**
 * Renders what `JSON.stringify` would, in less than half the time: the words of a decision need no escaping, a guarantee is rendered once,
 * and there are few parts to concatenate.
 */
export function renderDecision (decision: AnsweredDecision): string {
  return (decision.decision === 'stop' ? '{"decision":"stop","threshold":' : '{"decision":"continue","threshold":') + decision.threshold +
    ',"score":' + renderNumber(decision.score) +
    ',"scorer":"' + decision.scorer + // the names of predictors need no escaping
    '","reason":"' + decision.reason +
    (decision.would_stop ? '","would_stop":true,"arm":"' : '","would_stop":false,"arm":"') + decision.arm +
    '","context":' + JSON.stringify(decision.context) +
    ',"scope":"' + decision.scope + '","next_check_tokens":' + decision.next_check_tokens +
    (decision.budget_tokens === undefined ? '' : `,"budget_tokens":${decision.budget_tokens}`) +
    (decision.probe ? ',"probe":true' : ',"probe":false') +
    ',"snapshot_version":' + decision.snapshot_version +
    (decision.stale ? ',"stale":true,"warnings":' : ',"stale":false,"warnings":') + renderWarnings(decision.warnings) +
    (decision.guarantee === undefined ? '' : `,"guarantee":${renderGuarantee(decision.guarantee)}`) +
    (decision.rule === undefined ? '}' : `,"rule":${renderRule(decision.rule)}}`)
}

/** The codes of warnings need no escaping. */
function renderWarnings (warnings: AnsweredDecision['warnings']): string {
  return warnings.length === 0 ? '[]' : `["${warnings.join('","')}"]`
}

/** Renders a number as JSON does: -0 becomes 0, and a number that is not finite becomes null. */
function renderNumber (value: number | null): string {
  return value === null || !Number.isFinite(value) ? 'null' : String(value)
}

export function renderBatch ({ snapshot_version, decisions }: BatchAnswer): string {
  return `{"snapshot_version":${snapshot_version},"decisions":[${decisions.map((one) => 'error' in one ? JSON.stringify(one) : renderDecision(one)).join()}]}`
}
