import { Type, type Static } from 'typebox'
import { REASONS, type Reason } from '../src/core/decide/decide.js'
import { DECISION_BATCH_EXAMPLE, DECISION_EXAMPLE } from './examples/decision-examples.js'
import {
  AnswerSchema, ArmSchema, ConfidenceSchema, ContextSchema, EmSchema, nullable, nullableRatio, ratio, SignalsSchema, TextSchema,
  TokensSchema,
} from './field-schemas.js'

const strict = { additionalProperties: false }

export const StepSchema = Type.Object({
  generation_id: Type.Optional(TextSchema('Id of the generation', ['req-8f2c'])),
  group_id: Type.Optional(TextSchema('Id of the prompt that several generations share', ['prompt-17'])),
  arm: Type.Optional(ArmSchema),
  tokens: TokensSchema('Generated so far', 512),
  confidence: ConfidenceSchema,
  context: Type.Optional(ContextSchema),
  signals: Type.Optional(SignalsSchema),
  em: Type.Optional(EmSchema('EM of the answer forced at this step')),
  answer: Type.Optional(AnswerSchema('The answer forced at this step; to add it, ask again at the same tokens')),
  probed_score: Type.Optional(Type.Unsafe<number | null>({
    type: ['number', 'null'],
    minimum: -1e-6,
    maximum: 1 + 1e-6,
    description: 'Highest confidence at which `probe` was true and an answer was forced, in this generation so far: from 0 to 1; null or absent: none',
  })),
}, {
  ...strict,
  title: 'Step',
  description: 'One moment in a generation',
  examples: [{ generation_id: 'req-8f2c', tokens: 512, confidence: 0.97, context: { model: 'qwen3-8b', task: 'gsm8k' } }],
})

const GuaranteeSchema = Type.Object({
  max_em_drop: ratio('EM drop that the certificate rules out'),
  error_level: ratio('Chance that it is wrong'),
  post_hoc: Type.Boolean({ description: 'The wish was changed after evidence came in, so the bar was raised thirtyfold' }),
  label: Type.Unsafe<'exact_match' | 'agreement'>({ type: 'string', enum: ['exact_match', 'agreement'], description: 'What made an answer right' }),
  labelled_ratio: ratio('Of the would-be evidence, what came labelled; the certificate speaks of labelled traffic'),
  generations: Type.Integer({ description: 'Control generations it rests on' }),
  em_drop: ratio('Net EM drop seen at this threshold'),
  tokens_saved_ratio: ratio('Of the full runs\' tokens, what this threshold saves'),
  epoch: Type.Integer({ description: 'Epoch of the evidence' }),
}, { title: 'Guarantee' })

export const NullableGuaranteeSchema = Type.Unsafe<Static<typeof GuaranteeSchema> | null>({
  ...GuaranteeSchema,
  type: ['object', 'null'],
  title: 'NullableGuarantee',
  description: 'The certificate behind the threshold; null without one of this context\'s own',
})

export const ScopeSchema = Type.Unsafe<'own' | 'parent' | 'none'>({
  type: 'string', enum: ['own', 'parent', 'none'], description: 'Whose threshold it is; a parent\'s certificate says nothing of the child',
})

const decisionFields = {
  decision: Type.Unsafe<'stop' | 'continue'>({
    type: 'string', enum: ['stop', 'continue'], description: '"stop": stop reasoning and answer; final once said',
  }),
  threshold: nullableRatio('Score at which the service says stop; null: never'),
  score: nullableRatio('Score of this step; null when the confidence is unknown'),
  scorer: Type.String({ description: 'What gave the score: "confidence", or a predictor by its name' }),
  reason: Type.Unsafe<Reason>({ type: 'string', enum: [...REASONS], description: 'Why, the first that applies in the order listed' }),
  would_stop: Type.Boolean({ description: 'The score reached the threshold, whether or not the answer is "stop"' }),
  arm: ArmSchema,
  context: Type.String({ description: 'Key of the context the threshold came from' }),
  scope: ScopeSchema,
  guarantee: NullableGuaranteeSchema,
  next_check_tokens: Type.Integer({ description: 'Ask again when the generation has this many tokens' }),
  probe: Type.Boolean({
    description: 'Control arm: force an answer aside here, it is worth its tokens; keep whether it is right, or ask again at the same tokens with it',
  }),
  model_version: Type.Integer({ description: 'Version of the model that decided' }),
  stale: Type.Boolean({ description: 'The model has not been in step with the store for STALE_AFTER_SECONDS' }),
}

export const DecisionSchema = Type.Object(decisionFields, { title: 'Decision', description: 'Stop here, or continue', examples: [DECISION_EXAMPLE] })

const steps = { maxItems: 4096, description: 'Up to 4,096 steps; a bad one spoils only itself' }

export const StepBatchSchema = Type.Object({ steps: Type.Array(StepSchema, steps) }, {
  ...strict,
  title: 'StepBatch',
  examples: [{ steps: [{ arm: 'treated', tokens: 512, confidence: 0.97, context: { model: 'qwen3-8b', task: 'gsm8k' } }, { tokens: 96, confidence: null }] }],
})

/** What a batch must be as a whole; its steps are validated one by one. */
export const AnyStepsSchema = Type.Object({ steps: Type.Array(Type.Unknown(), steps) }, strict)

const BadItemSchema = Type.Object({
  error: Type.Object({
    path: Type.String({ description: 'Where in the item (JSON pointer)' }),
    message: Type.String({ description: 'What to change' }),
  }, { description: 'What is wrong' }),
}, { title: 'BadItem', description: 'The item was not understood, which means continue' })

export const DecisionBatchSchema = Type.Object({
  model_version: nullable<number>('integer', { description: 'Version of the model that decided them all' }),
  decisions: Type.Array(Type.Union([DecisionSchema, BadItemSchema]), { description: 'In the order of the steps' }),
}, { title: 'DecisionBatch', description: 'A decision for each step', examples: [DECISION_BATCH_EXAMPLE] })
