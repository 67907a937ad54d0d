import type { Guarantee } from '../../core/contexts/guarantee.js'
import { MAX_ROWS } from '../../core/decide/decide-columns.js'
import type { Decision } from '../../core/decide/decide.js'
import type { ColumnsAnswer } from './answer-columns.js'
import type { BatchAnswer } from './answer-step.js'

/** The text of each guarantee with the field names around it. A guarantee is most of a reply, and is frozen until the snapshot changes. */
const rendered = new WeakMap<Guarantee, string>()

function renderGuarantee (guarantee: Guarantee | null): string {
  if (guarantee === null) return '","guarantee":null,"next_check_tokens":'
  let text = rendered.get(guarantee)
  if (text === undefined) rendered.set(guarantee, text = `","guarantee":${JSON.stringify(guarantee)},"next_check_tokens":`)
  return text
}

/**
 * Renders what `JSON.stringify` would, in less than half the time: the words of a decision need no escaping, a guarantee is rendered once,
 * and there are few parts to concatenate.
 */
export function renderDecision (decision: Decision): string {
  return (decision.decision === 'stop' ? '{"decision":"stop","threshold":' : '{"decision":"continue","threshold":') + decision.threshold +
    ',"score":' + renderNumber(decision.score) +
    ',"scorer":"' + decision.scorer + // the names of predictors need no escaping
    '","reason":"' + decision.reason +
    (decision.would_stop ? '","would_stop":true,"arm":"' : '","would_stop":false,"arm":"') + decision.arm +
    '","context":' + JSON.stringify(decision.context) +
    ',"scope":"' + decision.scope + renderGuarantee(decision.guarantee) + decision.next_check_tokens +
    (decision.probe ? ',"probe":true' : ',"probe":false') +
    ',"snapshot_version":' + decision.snapshot_version +
    (decision.stale ? ',"stale":true,"warnings":' : ',"stale":false,"warnings":') + renderWarnings(decision.warnings) + '}'
}

/** The codes of warnings need no escaping. */
function renderWarnings (warnings: Decision['warnings']): string {
  return warnings.length === 0 ? '[]' : `["${warnings.join('","')}"]`
}

/** Renders a number as JSON does: -0 becomes 0, and a number that is not finite becomes null. */
function renderNumber (value: number | null): string {
  return value === null || !Number.isFinite(value) ? 'null' : String(value)
}

export function renderBatch ({ snapshot_version, decisions }: BatchAnswer): string {
  return `{"snapshot_version":${snapshot_version},"decisions":[${decisions.map((one) => 'error' in one ? JSON.stringify(one) : renderDecision(one)).join()}]}`
}

/** Each row number with a comma before it. Rendering the text each time takes several times as long. */
const FURTHER = Array.from({ length: MAX_ROWS }, (_, row) => `,${row}`)

/** The text of what is in force in a context, which stays the same until the snapshot changes. */
const renderedRules = new WeakMap<NonNullable<ColumnsAnswer['contexts'][number]>, string>()

/** Renders what `JSON.stringify` would, in a fraction of the time where rows are few. */
export function renderColumns (answer: ColumnsAnswer): string {
  return `{"snapshot_version":${answer.snapshot_version},"stale":${answer.stale},"stop":${renderRows(answer.stop)},"control":${renderRows(answer.control)}` +
    `,"would_stop":${renderRows(answer.would_stop)},"probe":${renderRows(answer.probe)},"first_step_late":${renderRows(answer.first_step_late)}` +
    `,"asked_early":${renderRows(answer.asked_early)},"errors":${answer.errors.length === 0 ? '[]' : JSON.stringify(answer.errors)},"contexts":${renderRules(answer.contexts)}}`
}

function renderRows (rows: readonly number[]): string {
  if (rows.length === 0) return '[]'
  let text = `[${rows[0]}`
  for (let i = 1; i < rows.length; i++) text += FURTHER[rows[i]!]!
  return text + ']'
}

function renderRules (rules: ColumnsAnswer['contexts']): string {
  if (rules.length === 0) return '[]'
  let text = `[${renderRule(rules[0]!)}`
  for (let i = 1; i < rules.length; i++) text += `,${renderRule(rules[i]!)}`
  return text + ']'
}

function renderRule (rule: ColumnsAnswer['contexts'][number]): string {
  if (rule === null) return 'null'
  let text = renderedRules.get(rule)
  if (text === undefined) {
    const { threshold, mode, check_every_tokens, check_growth, min_tokens } = rule
    const { control_share, store_prompts, warnings } = rule
    const prompts = store_prompts === undefined ? '' : ',"store_prompts":true'
    text = `{"threshold":${threshold},"mode":"${mode}","check_every_tokens":${check_every_tokens},"check_growth":${check_growth},"min_tokens":${min_tokens},"control_share":${control_share}${prompts},"warnings":${renderWarnings(warnings)}}`
    renderedRules.set(rule, text)
  }
  return text
}
