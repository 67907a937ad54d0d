import { Type } from '#typebox'
import { DECISION_WARNINGS, REASONS, type DecisionWarning, type Reason } from '../src/core/decide/decide.js'
import { DECISION_BATCH_EXAMPLE, DECISION_EXAMPLE } from './examples/decision-examples.js'
import { AnswerSchema, ArmSchema, ConfidenceSchema, ContextSchema, EmSchema, nullable, NullableRatioSchema, objectOrNull, RatioSchema, SignalsSchema, TextSchema, TokensSchema } from './field-schemas.js'

const strict = { additionalProperties: false }

export const StepSchema = Type.Object({
  generation_id: Type.Optional(TextSchema('Id of the generation', ['req-8f2c'])),
  group_id: Type.Optional(TextSchema('Id of the prompt that several generations share', ['prompt-17'])),
  sample: Type.Optional(Type.Integer({
    minimum: 0, maximum: 4095, description: 'Number of this sample in its group, from 0; the first step of number 0 enrols the group. Absent: the samples of a group start before any of them ends',
  })),
  arm: Type.Optional(ArmSchema),
  tokens: TokensSchema('Tokens generated so far', 512),
  confidence: ConfidenceSchema,
  context: Type.Optional(ContextSchema),
  signals: Type.Optional(SignalsSchema),
  em: Type.Optional(EmSchema('EM of the answer forced at this step')),
  answer: Type.Optional(AnswerSchema('Answer forced at this step; to add it later, send the step again with the same tokens')),
  probed_score: Type.Optional(Type.Unsafe<number | null>({
    type: ['number', 'null'],
    minimum: -1e-6,
    maximum: 1 + 1e-6,
    description: 'Highest confidence so far in this generation at which `probe` was true and an answer was forced (0 to 1); null or absent: none was forced',
  })),
}, {
  ...strict,
  title: 'Step',
  description: 'One moment of a generation',
  examples: [{ generation_id: 'req-8f2c', tokens: 512, confidence: 0.97, context: { model: 'example', task: 'example' } }],
})

const missing = (description: string) => Type.Unsafe<'lost' | 'excluded'>({ type: 'string', enum: ['lost', 'excluded'], description })

const GuaranteeSchema = Type.Object({
  max_em_drop: RatioSchema('EM drop that the certificate rules out'),
  error_level: RatioSchema('Chance that the certificate is wrong'),
  post_hoc: Type.Boolean({ description: 'Whether the requested guarantee changed after evidence had come in, so that the bar was thirty times higher' }),
  label: Type.Unsafe<'exact_match' | 'agreement'>({ type: 'string', enum: ['exact_match', 'agreement'], description: 'How answers were judged right or wrong' }),
  follow_up_ratio: RatioSchema('Share of the enrolled generations that are accounted for, in slices to which nothing can come any more'),
  cancelled_ratio: RatioSchema('Share of the enrolled generations whose client went away; nothing is promised about them'),
  missing_labels: missing('What a generation counts as whose label is missing'),
  missing_outcomes: missing('What a generation counts as whose outcome is missing'),
  on_arrival: Type.Boolean({ description: 'Whether outcomes counted when they arrived (follow_up_seconds 0): the certificate then holds only if the order of arrival says nothing about the outcomes' }),
  scope: Type.Unsafe<'context' | 'pool'>({ type: 'string', enum: ['context', 'pool'], description: '"pool": it holds on average over the traffic of all contexts of the pool, and may not hold for one of them' }),
  generations: Type.Integer({ description: 'Control generations that the certificate rests on' }),
  em_drop: RatioSchema('Net EM drop observed at this threshold'),
  tokens_saved_ratio: RatioSchema('Share of the tokens of full runs that this threshold saves, net of the tokens of probes'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  epoch: Type.Integer({ description: 'Epoch of the evidence' }),
}, { title: 'Guarantee', description: 'Certificate behind a threshold' })

export const NullableGuaranteeSchema = objectOrNull(GuaranteeSchema, 'Certificate behind the threshold; null: this context has none of its own')

export const ScopeSchema = Type.Unsafe<'own' | 'pool' | 'none'>({
  type: 'string', enum: ['own', 'pool', 'none'], description: 'Where the threshold comes from: the context\'s own evidence or pin, its pool (certified on average over the pool, not for this context), or none',
})

export const WarningsSchema = Type.Unsafe<readonly DecisionWarning[]>({
  type: 'array',
  items: { type: 'string', enum: [...DECISION_WARNINGS] },
  description: 'What will not count as the worker may expect. id_missing: the step has neither an id nor an arm, so its generation is treated and never evidence. context_missing: the step names no context, so it is decided by that of generations without one. first_step_late: the step has no arm and is past the first check, so its generation is not enrolled: echo the arm of the first reply. outcomes_missing: generations of this context are enrolled, and no outcome comes. outcomes_not_enrolled: outcomes come under ids that nobody asked about. no_net_savings: probes cost more than stopping would save. signals_refused: signals have too many names, so predictors do not learn from some: use fixed names',
})

const decisionFields = {
  decision: Type.Unsafe<'stop' | 'continue'>({
    type: 'string', enum: ['stop', 'continue'], description: '"stop": end the reasoning and answer; the decision is final',
  }),
  threshold: NullableRatioSchema('Score at which the service says stop; null: never'),
  score: NullableRatioSchema('Score of this step; null: the confidence is unknown'),
  scorer: Type.String({ description: 'What computed the score: "confidence", or the name of a predictor' }),
  reason: Type.Unsafe<Reason>({ type: 'string', enum: [...REASONS], description: 'Reason for the decision: the first in this list that applies' }),
  would_stop: Type.Boolean({ description: 'Whether the score reached the threshold, even if the decision is "continue"' }),
  arm: ArmSchema,
  context: Type.String({ description: 'Key of the context that the threshold comes from' }),
  scope: ScopeSchema,
  guarantee: NullableGuaranteeSchema,
  next_check_tokens: Type.Integer({ description: 'Send the next step when the generation has this many tokens' }),
  probe: Type.Boolean({
    description: 'Only in the control arm: force an answer on the side here, since what it tells is worth its tokens; keep whether it is right, or send the step again with the answer and the same tokens',
  }),
  model_version: Type.Integer({ description: 'Version of the model that made the decision' }),
  stale: Type.Boolean({ description: 'Whether the model has not been in step with the store for STALE_AFTER_SECONDS' }),
  warnings: WarningsSchema,
}

export const DecisionSchema = Type.Object(decisionFields, { title: 'Decision', description: 'Whether to stop here or continue', examples: [DECISION_EXAMPLE] })

const steps = { maxItems: 4096, description: 'Up to 4,096 steps; an invalid step does not affect the others' }

export const StepBatchSchema = Type.Object({ steps: Type.Array(StepSchema, steps) }, {
  ...strict,
  title: 'StepBatch',
  examples: [{ steps: [{ arm: 'treated', tokens: 512, confidence: 0.97, context: { model: 'example', task: 'example' } }, { tokens: 96, confidence: null }] }],
})

/** What a batch must be as a whole. Its steps are validated one by one. */
export const AnyStepsSchema = Type.Object({ steps: Type.Array(Type.Unknown(), steps) }, strict)

const BadItemSchema = Type.Object({
  error: Type.Object({
    path: Type.String({ description: 'JSON pointer to the field' }),
    message: Type.String({ description: 'What to change' }),
  }, { description: 'What is wrong with the step' }),
}, { title: 'BadItem', description: 'The step is invalid; continue' })

export const DecisionBatchSchema = Type.Object({
  model_version: nullable<number>('integer', { description: 'Version of the model that made all of these decisions' }),
  decisions: Type.Array(Type.Union([DecisionSchema, BadItemSchema]), { description: 'Decisions in the order of the steps' }),
}, { title: 'DecisionBatch', description: 'One decision for each step', examples: [DECISION_BATCH_EXAMPLE] })
