import { Type } from 'typebox'
import {
  AnswerSchema, ArmSchema, ConfidenceSchema, ContextSchema, EmSchema, SignalsSchema, TextSchema, TokensSchema,
} from './field-schemas.js'

const strict = { additionalProperties: false }

const ProbedStepSchema = Type.Object({
  tokens: TokensSchema('Generated when the step was asked', 256),
  confidence: ConfidenceSchema,
  signals: Type.Optional(SignalsSchema),
  em: Type.Optional(EmSchema('EM of the answer forced at this step')),
  answer: Type.Optional(AnswerSchema('The answer forced at this step, graded here')),
}, { ...strict, title: 'ProbedStep' })

export const OutcomeSchema = Type.Object({
  generation_id: TextSchema('Id of the generation', ['req-8f2c']),
  group_id: Type.Optional(TextSchema('Id of the prompt that several generations share', ['prompt-17'])),
  sample_index: Type.Optional(Type.Integer({
    minimum: 0, maximum: 1_000_000, description: 'Number of the generation in its group, from 0; only 0 is evidence',
  })),
  arm: Type.Optional(ArmSchema),
  context: Type.Optional(ContextSchema),
  tokens: TokensSchema('Of the whole generation', 1024),
  answer_tokens: Type.Optional(TokensSchema('What answering costs after a stop; 0 if absent', 12)),
  em: Type.Optional(EmSchema('EM of the final answer')),
  answer: Type.Optional(AnswerSchema('The final answer, graded here against the reference')),
  reference: Type.Optional(Type.Unsafe<string | string[]>({
    type: ['string', 'array'], // as anyOf it would say of a long list that it is no string
    maxLength: 4096,
    format: 'text4096',
    items: { type: 'string', maxLength: 4096, format: 'text4096' },
    minItems: 1,
    maxItems: 64,
    description: 'The right answer, or a list of them (up to 64, 4 KiB each)',
  })),
  stopped: Type.Optional(Type.Boolean({ description: 'Whether it was stopped early; false if absent' })),
  steps: Type.Optional(Type.Array(ProbedStepSchema, {
    maxItems: 4096,
    description: 'Every step that was asked, in order; absent means not kept (then those recorded here are taken), [] means never asked',
  })),
  steps_asked: Type.Optional(Type.Integer({
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'Without steps: at how many counts of tokens a decision was asked, answered or not; the steps recorded here count only ' +
      'if they are as many, else as the worst case (a whole number from 0)',
  })),
  steps_complete: Type.Optional(Type.Boolean({
    description: 'false when steps that were asked are missing from the list, which then counts as the worst case; true if absent',
  })),
}, {
  ...strict,
  title: 'Outcome',
  description: 'What a finished generation turned out to be',
  examples: [{
    generation_id: 'req-8f2c',
    arm: 'control',
    context: { model: 'qwen3-8b', task: 'gsm8k' },
    tokens: 1024,
    em: 1,
    steps: [{ tokens: 256, confidence: 0.62, em: 0 }, { tokens: 512, confidence: 0.97, em: 1 }],
  }],
})

const outcomes = { maxItems: 4096, description: 'Up to 4,096 outcomes; a bad one spoils only itself' }

export const OutcomeBatchSchema = Type.Object({ outcomes: Type.Array(OutcomeSchema, outcomes) }, {
  ...strict,
  title: 'OutcomeBatch',
  examples: [{ outcomes: [{ generation_id: 'req-8f2d', arm: 'treated', stopped: true, context: { model: 'qwen3-8b', task: 'gsm8k' }, tokens: 524, em: 1 }] }],
})

/** What a batch must be as a whole; its outcomes are validated one by one. */
export const AnyOutcomesSchema = Type.Object({ outcomes: Type.Array(Type.Unknown(), outcomes) }, strict)

const accepted = {
  accepted: Type.Integer({ description: 'Stored durably by this call' }),
  duplicates: Type.Integer({ description: 'Stored before, by generation_id' }),
}

export const AcceptedSchema = Type.Object(accepted, { title: 'Accepted', description: 'Stored durably', examples: [{ accepted: 1, duplicates: 0 }] })

export const AcceptedBatchSchema = Type.Object({
  ...accepted,
  rejected: Type.Array(Type.Object({
    index: Type.Integer({ description: 'Position in the batch, from 0' }),
    path: Type.String({ description: 'Where in the outcome (JSON pointer)' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'Not stored' }),
}, {
  title: 'AcceptedBatch',
  description: 'Stored durably, but for what is rejected',
  examples: [{
    accepted: 1, duplicates: 1, rejected: [{ index: 2, path: '/tokens', message: 'must be >= 0; Of the whole generation (tokens, a whole number from 0)' }],
  }],
})
