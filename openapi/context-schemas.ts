import { Type } from 'typebox'
import { NullableGuaranteeSchema, ScopeSchema } from './decision-schemas.js'
import { WHAT_IF_EXAMPLE } from './examples/predictor-examples.js'
import { CONTEXT_DETAIL_EXAMPLE, CONTEXT_PAGE_EXAMPLE } from './examples/context-examples.js'
import { nullable, nullableRatio, ratio, time } from './field-schemas.js'
import { PolicySchema } from './policy-schemas.js'
import { NullableTurnSchema } from './tradeoff-schemas.js'
import { ANSWERABLE_FIELDS, UNANSWERABLE_FIELDS } from '../src/core/views/what-if.js'

const status = ['settling', 'learning', 'certified', 'drifted'] as const

export const KeySchema = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'Context key, URL-encoded: "*" is the root, "model=q,task=gsm8k" a leaf under the default levels',
  examples: ['*'],
})

export const KeyParamsSchema = Type.Object({ key: KeySchema })

export const ContextQuerySchema = Type.Object({
  prefix: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'Only this context and those below it (whole links)' })),
  status: Type.Optional(Type.Unsafe<typeof status[number]>({ type: 'string', enum: [...status], description: 'Only contexts with this status' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Contexts on a page (1 to 200)' })),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'Where the page before ended: its "next"' })),
}, { additionalProperties: false })

export const PinSchema = Type.Object({
  threshold: nullable<number>('number', {
    minimum: 0, maximum: 1, description: 'Score at which to stop, 0 to 1; null: never stop', examples: [0.98],
  }),
  expires_in_seconds: Type.Optional(Type.Number({
    minimum: 1, maximum: 31_536_000, description: 'When it ends by itself (seconds from now, 1 to a year); absent: when it is removed', examples: [3600],
  })),
  reason: Type.String({ minLength: 1, maxLength: 500, description: 'Why, for those who read it later (1 to 500 characters)', examples: ['incident 42'] }),
}, { additionalProperties: false, title: 'Pin', description: 'An operator\'s own threshold; it has no guarantee', examples: [{ threshold: 0.98, reason: 'incident 42' }] })

export const ReasonSchema = Type.Object({ reason: PinSchema.properties.reason }, {
  additionalProperties: false, title: 'Reason', description: 'A JSON body {"reason": "why this is done"}', examples: [{ reason: 'new weights' }],
})

const difference = (what: string) => Type.Unsafe<{ estimate: number, low: number, high: number } | null>({
  type: ['object', 'null'],
  properties: {
    estimate: Type.Number({ description: 'Weighted by the share each was drawn at' }),
    low: Type.Number({ description: 'At least, at error_level, however often one looks' }),
    high: Type.Number({ description: 'At most' }),
  },
  required: ['estimate', 'low', 'high'],
  description: `Treated minus control: ${what}; null while an arm has few`,
})

const ArmViewSchema = Type.Object({
  generations: Type.Integer({ description: 'Compared' }),
  labelled: Type.Integer({ description: 'Of them, those with a label' }),
  em: nullableRatio('Plain mean EM'),
  tokens_mean: nullable<number>('number', { description: 'Plain mean length (tokens)' }),
}, { title: 'Arm', description: 'One arm, as drawn' })

const ArmsSchema = Type.Object({
  control: ArmViewSchema,
  treated: ArmViewSchema,
  em_difference: difference('EM (fraction)'),
  tokens_difference: difference('tokens a generation'),
}, { title: 'Arms', description: 'Control against treated, as drawn, in this epoch, where a threshold was in force; in mode shadow they must not differ. Above the leaves it sums over the modes of those below' })

const ChallengerSchema = Type.Object({
  predictor: Type.String({ description: 'Its name, as `scorer` of a decision and `score` of a context have it' }),
  serving: Type.Boolean({ description: 'Whether its threshold is in force here; the predictor\'s `serving_in` counts such contexts' }),
  ordinal: Type.Integer({ description: 'Which challenger of the epoch it is, from 1: by that it has its part of the level' }),
  error_level: ratio('Its part of the policy\'s error_level: 1/(2j(j+1)) of it for the j-th'),
  generations: Type.Integer({ description: 'Control generations in its own evidence, which begins with its trial' }),
  seen_in_training: Type.Integer({
    description: 'Would-be evidence set aside, since it is of groups that it was trained on; how many it was trained on is its `trained_generations`',
  }),
  threshold: nullableRatio('What its evidence certifies; null: nothing yet'),
  em_drop: nullableRatio('Net EM drop there'),
  tokens_saved_ratio: ratio('Tokens saved there'),
  generations_to_next_certificate: nullable<number>('integer', { description: 'Control generations until its next threshold is certified, at the rates seen; null: not foreseeable' }),
}, { title: 'Challenger', description: 'A predictor on trial in this context' })

export const ReasonQuerySchema = Type.Object({ reason: PinSchema.properties.reason }, { additionalProperties: false })

type WirePin = { threshold: number | null, scorer?: string, reason: string, by: string, expires_at: string | null, rollback?: number }

export const NullablePinSchema = Type.Unsafe<WirePin | null>({
  ...Type.Object({
    threshold: nullableRatio('Score at which to stop; null: never stop'),
    scorer: Type.Optional(Type.String({ description: 'The predictor whose score that is; absent: the raw confidence' })),
    reason: Type.String({ description: 'Why' }),
    by: Type.String({ description: 'Name of the token it was set with' }),
    expires_at: nullable<string>('string', { format: 'date-time', description: 'When it ends by itself (ISO 8601, UTC); null: when it is removed' }),
    rollback: Type.Optional(Type.Integer({ description: 'The version whose thresholds it brought back, where a rollback set it' })),
  }),
  type: ['object', 'null'],
  title: 'NullablePin',
  description: 'The operator\'s own threshold, or null',
})

const fields = {
  key: Type.String({ description: 'Context key' }),
  context: Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' }, description: 'Its values by level' }),
  status: Type.Unsafe<typeof status[number]>({
    type: 'string', enum: [...status], description: 'settling: arrivals are not evidence yet; learning; certified; drifted: took its threshold back',
  }),
  mode: PolicySchema.properties.mode,
  pin: NullablePinSchema,
  threshold: nullableRatio('Threshold in force; null: never stop'),
  scope: ScopeSchema,
  score: Type.String({ description: 'What the threshold is compared with: "confidence", or a predictor\'s score, by its name' }),
  guarantee: NullableGuaranteeSchema,
  control_generations: Type.Integer({ description: 'Control generations in its evidence' }),
  treated_generations: Type.Integer({ description: 'Treated generations reported in this epoch' }),
  em_full: nullableRatio('EM of the full runs in its evidence'),
  em_drop: nullableRatio('Net EM drop at its own certified threshold'),
  em_drop_low: nullableRatio('Where the true EM drop is, at least'),
  em_drop_high: nullableRatio('and at most, at the certificate\'s level, however often one looks; two-sided, so a little wider than the certificate'),
  tokens_saved_ratio: nullableRatio('Tokens that threshold saves'),
  expected_utility: nullable<number>('number', {
    description: 'What that threshold is expected to be worth over never stopping, a generation, in the currency of the policy\'s prices; null without them',
  }),
  arms: ArmsSchema,
  challengers: Type.Array(ChallengerSchema, { description: 'Predictors on trial here, oldest first, at most three' }),
  unprobed: Type.Integer({ description: 'Evidence that crossed some threshold at a step without a probe (counted as lost)' }),
  unlabelled: Type.Integer({ description: 'Would-be evidence of this epoch without a label of the policy\'s kind' }),
  awaiting_label: Type.Integer({ description: 'Outcomes that wait for their label, or behind one that does (LABEL_WAIT_SECONDS)' }),
  unstepped: Type.Integer({ description: 'Would-be evidence without steps' }),
  unsettled: Type.Integer({ description: 'The same that came before the epoch settled' }),
  siblings: Type.Integer({ description: 'The same that was not sample_index 0 of its group' }),
  unknown_arm: Type.Integer({ description: 'Outcomes of this epoch that named no arm and are not control by their draw' }),
  crowded_out: Type.Integer({ description: 'Control outcomes of this epoch that found no room to wait for their label, or behind one; set aside' }),
  fed_by: Type.Unsafe<Record<string, number>>({
    type: 'object', additionalProperties: { type: 'integer' }, description: 'Evidence of this epoch by the token that reported it; of 32 tokens, the rest under "*"; empty without tokens',
  }),
  epoch: Type.Integer({ description: 'Number of the epoch, from 1' }),
  settles_at: time('When arrivals begin to count'),
  control_share: nullableRatio('Share of generations that are never stopped; null above the leaves'),
  generations_to_next_certificate: nullable<number>('integer', {
    description: 'Control generations until the next threshold is certified, at the rates seen; null: not foreseeable',
  }),
  policy: PolicySchema,
  updated_at: time('Last outcome'),
}

export const ContextViewSchema = Type.Object(fields, { title: 'Context', description: 'What is known of one context' })

export const ContextPageSchema = Type.Object({
  contexts: Type.Array(ContextViewSchema, { description: 'By key' }),
  next: nullable<string>('string', { description: 'Where the next page begins (pass as "after"); null: this was the last' }),
}, { title: 'ContextPage', description: 'A page of contexts', examples: [CONTEXT_PAGE_EXAMPLE] })

const thresholds = Type.Array(Type.Object({
  threshold: ratio('Score'),
  lost: Type.Integer({ description: 'Control generations whose EM stopping there would have lost' }),
  kept: Type.Integer({ description: 'Unchanged' }),
  gained: Type.Integer({ description: 'Won' }),
  unprobed: Type.Integer({ description: 'Of the counts, those that rest on the worst case' }),
  em_drop: ratio('(lost - gained) of all'),
  em_drop_low: ratio('Where the true EM drop is, at least'),
  em_drop_high: ratio('and at most, at the certificate\'s level, however often one looks; two-sided, so a little wider than the certificate'),
  tokens_saved_ratio: ratio('Of the full runs\' tokens'),
  log_evidence: Type.Number({ description: 'ln E; certified needs -ln of the score\'s part of error_level here and at every safer threshold, and ln 30 more where the wish is post hoc' }),
  certified: Type.Boolean({ description: 'It and every safer one pass' }),
  generations_needed: nullable<number>('integer', { description: 'More control generations until it is certified, at the rates seen; null: not foreseeable' }),
}), { description: 'Every threshold of the grid, safest first' })

export const ContextDetailSchema = Type.Object({ ...fields, thresholds }, {
  title: 'ContextDetail', description: 'One context, threshold by threshold', examples: [CONTEXT_DETAIL_EXAMPLE],
})

const judged = Type.Pick(PolicySchema, ANSWERABLE_FIELDS)

/** Those of the policy that have no answer in the counts are refused, each with its reason (openapi/validation.ts). */
export const WhatIfQuerySchema = Type.Partial(judged, { additionalProperties: false, refused: UNANSWERABLE_FIELDS })

export const WhatIfSchema = Type.Object({
  key: fields.key,
  ...judged.properties,
  em_per_token_percent: nullable<number>('number', {
    description: 'EM (a fraction) that one more percent of tokens may cost: as asked, else what the prices come to; null: neither is stated',
  }),
  post_hoc: Type.Boolean({ description: 'The wish is another than the epoch began with, so the bar is thirty times higher' }),
  threshold: nullableRatio('Threshold that would be certified; null: none'),
  score: fields.score,
  em_drop: nullableRatio('Net EM drop seen there'),
  em_drop_low: nullableRatio('Where the true one is, at least'),
  em_drop_high: nullableRatio('and at most'),
  tokens_saved_ratio: ratio('Tokens it would save'),
  expected_utility: fields.expected_utility,
  unfavourable_from: NullableTurnSchema,
  generations: Type.Integer({ description: 'Control generations at hand' }),
  generations_to_next_certificate: nullable<number>('integer', { description: 'More of them until the next threshold would be certified; null: not foreseeable' }),
  thresholds,
}, { title: 'WhatIf', description: 'What the evidence at hand would certify under another wish', examples: [WHAT_IF_EXAMPLE] })
