import type { Decision } from '../core/decide.js'
import type { Guarantee } from '../core/judge.js'

/** A guarantee is frozen between moves of the model, and is most of a reply. */
const rendered = new WeakMap<Guarantee, string>()

function renderGuarantee (guarantee: Guarantee | null): string {
  if (guarantee === null) return 'null'
  let text = rendered.get(guarantee)
  if (text === undefined) rendered.set(guarantee, text = JSON.stringify(guarantee))
  return text
}

/** What `JSON.stringify` makes of a decision, in half the time: its words need no escaping, and what does not change is rendered once. */
export function renderDecision (decision: Decision): string {
  return '{"decision":"' + decision.decision +
    '","threshold":' + decision.threshold +
    ',"score":' + renderNumber(decision.score) +
    ',"scorer":"' + decision.scorer + // its name needs no escaping
    '","reason":"' + decision.reason +
    '","would_stop":' + decision.would_stop +
    ',"arm":"' + decision.arm +
    '","context":' + JSON.stringify(decision.context) +
    ',"scope":"' + decision.scope +
    '","guarantee":' + renderGuarantee(decision.guarantee) +
    ',"next_check_tokens":' + decision.next_check_tokens +
    ',"probe":' + decision.probe +
    ',"model_version":' + decision.model_version +
    ',"stale":' + decision.stale + '}'
}

/** As JSON has it: -0 is 0, and what is not finite is null. */
function renderNumber (value: number | null): string {
  return value === null || !Number.isFinite(value) ? 'null' : String(value)
}
