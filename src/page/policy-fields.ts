import type { PolicyFields } from './api.js'

/** How a field of the policy is typed in. */
export interface PolicyField {
  readonly name: keyof PolicyFields
  /** `points`: a fraction of EM that is typed in as points. */
  readonly kind: 'number' | 'points' | 'choice' | 'text'
  /** For a choice: the values, as text. */
  readonly values?: readonly string[]
  readonly meaning: string
}

/** Every field of a policy, those that operators change most first. */
export const POLICY_FIELDS: readonly PolicyField[] = [
  { name: 'max_em_drop', kind: 'points', meaning: 'EM that you are willing to lose, in points: at 2, two right answers of a hundred' },
  { name: 'error_level', kind: 'number', meaning: 'chance that a certificate is wrong' },
  { name: 'mode', kind: 'choice', values: ['enforce', 'shadow', 'off'], meaning: 'whether generations are stopped' },
  { name: 'control_rate', kind: 'text', meaning: 'share that always runs in full, or auto' },
  { name: 'max_probe_overhead', kind: 'number', meaning: 'part of the tokens that probes may take while nothing is certified' },
  { name: 'certify_at', kind: 'text', meaning: 'level whose contexts are certified as pools' },
  { name: 'score', kind: 'text', meaning: 'what is compared with the threshold: confidence, or the name of a predictor' },
  { name: 'follow_up_seconds', kind: 'number', meaning: 'time in which outcome and label may come' },
  { name: 'evidence_span_seconds', kind: 'number', meaning: 'time that the evidence of a certificate spans' },
  { name: 'label', kind: 'choice', values: ['exact_match', 'agreement'], meaning: 'what makes an answer right' },
  { name: 'label_rate', kind: 'number', meaning: 'share of the generations that are enrolled' },
  { name: 'min_tokens', kind: 'number', meaning: 'no stop before this many tokens' },
  { name: 'check_every_tokens', kind: 'text', meaning: 'tokens from one check to the next, or auto' },
  { name: 'check_growth', kind: 'number', meaning: 'least distance of checks, as a part of the tokens so far' },
  { name: 'max_evidence_age_seconds', kind: 'number', meaning: 'time without evidence after which a threshold is withdrawn' },
  { name: 'judge_miss_rate', kind: 'number', meaning: 'upper limit of the share of real losses that the judge misses (fraction); empty: not audited' },
  { name: 'judge_gain_share', kind: 'number', meaning: 'lower limit of what a gain called by the judge is worth (fraction)' },
  { name: 'store_prompts', kind: 'choice', values: ['true', 'false'], meaning: 'whether the service keeps the prompts of generations whose label is wanted' },
]

/**
 * The merge patch for what was typed in: a field that is empty is inherited again.
 * @param typed texts by field, of those that were changed
 */
export function mergePatch (typed: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(typed).map(([name, text]) => {
    const value = valueOf(text.trim())
    return [name, isInPoints(name) && typeof value === 'number' ? rounded(value / 100) : value]
  }))
}

/** The text of a value in force, as it would be typed in. */
export function textOf (name: string, value: unknown): string {
  if (value == null) return ''
  return String(isInPoints(name) && typeof value === 'number' ? rounded(value * 100) : value)
}

function isInPoints (name: string): boolean { return POLICY_FIELDS.some((field) => field.name === name && field.kind === 'points') }

/** Without the digits that binary fractions add. */
function rounded (value: number): number { return Number(value.toPrecision(12)) }

/** A bound or a loss above this many points must be typed again. */
export const USUAL_POINTS = 5

/** The bound that was typed in, in points, if it is so large that it may be a slip; otherwise `null`. */
export function unusualBound ({ max_em_drop: text = '' }: Readonly<Record<string, string>>): string | null {
  return Number(text) > USUAL_POINTS ? text.trim() : null
}

function valueOf (text: string): unknown {
  if (text === '') return null
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return Number.isFinite(number) ? number : text
}
