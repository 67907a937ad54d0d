import { Type } from 'typebox'
import { REPORTED_EXAMPLE } from './examples/training-examples.js'
import { ContextSchema, nullable, TextSchema } from './field-schemas.js'
import { TRAINING_LIMITS } from '../src/core/training/add-reports.js'

const strict = { additionalProperties: false }
const share = (description: string, example: number) =>
  Type.Number({ minimum: 0, maximum: 1, description: `${description} (fraction, 0 to 1)`, examples: [example] })
const tokens = (description: string, example: number) =>
  Type.Number({ minimum: 0, maximum: 1e9, description: `${description} (tokens, from 0)`, examples: [example] })
export const wholeNumber = (description: string) => Type.Integer({ description })

/** What was found at a step. */
export const figures = {
  step: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Step of the training (a whole number from 0)', examples: [1200] }),
  em: share('Exact Match', 0.71),
  n: Type.Integer({ minimum: 1, maximum: 1e9, description: 'Questions evaluated (a whole number from 1)', examples: [1319] }),
  em_stderr: Type.Optional(share('Standard error of em; absent: sqrt(em (1 - em) / n)', 0.0125)),
  tokens_mean: tokens('Mean length of a response', 812.4),
  tokens_p50: Type.Optional(tokens('Median length', 700)),
  tokens_p95: Type.Optional(tokens('Length that one response in twenty exceeds', 2100)),
  stop_rate: Type.Optional(share('Responses that were stopped early', 0)),
  truncated_rate: Type.Optional(share('Responses cut off at the token limit', 0.004)),
  threshold: Type.Optional(nullable<number>('number', { minimum: 0, maximum: 1, description: 'Score it was evaluated under, 0 to 1; null: in full' })),
  context: Type.Optional({ ...ContextSchema, description: 'Where the generations of this checkpoint are reported: text by level. A new step opens a new epoch there and below' }),
}

const examples = [{
  step: 1200, suite: 'gsm8k', em: 0.71, n: 1319, tokens_mean: 812.4, tokens_p50: 700, tokens_p95: 2100, truncated_rate: 0.004, context: { model: 'q-rl' },
}]

export const CheckpointSchema = Type.Object({
  ...figures,
  suite: TextSchema('What was evaluated', ['gsm8k']),
  at: Type.Optional(Type.String({ maxLength: 40, description: 'When it was evaluated (ISO 8601, with a time zone)', examples: ['2026-01-31T12:00:00Z'] })),
}, {
  ...strict,
  title: 'Checkpoint',
  description: 'What an evaluation of one checkpoint on one suite found',
  examples,
})

const many = { maxItems: 4096, description: 'Up to 4,096 checkpoints; a bad one spoils only itself' }

export const CheckpointBatchSchema = Type.Object({ checkpoints: Type.Array(CheckpointSchema, many) }, { ...strict, title: 'CheckpointBatch' })

/** What a batch must be as a whole; its checkpoints are validated one by one. */
export const AnyCheckpointsSchema = Type.Object({ checkpoints: Type.Array(Type.Unknown(), many) }, strict)

export const CheckpointsBodySchema = Type.Unsafe<unknown>({
  anyOf: [CheckpointSchema, CheckpointBatchSchema],
  description: 'One checkpoint, or several as {"checkpoints": [...]}',
  examples,
})

/** Clients take `.` and `..` for steps up an address: such a run could be written and not read. */
export const RunParamsSchema = Type.Object({ run: { ...TextSchema('Name of the run, not . or ..', ['q-rl-7']), format: 'run128' } })

export const RunQuerySchema = Type.Object({
  suite: Type.Optional(TextSchema('Only this suite')),
  last: Type.Optional(Type.Integer({ minimum: 1, maximum: TRAINING_LIMITS.reports, default: 200, description: 'Newest points of each suite to show (1 to 200, of a single suite 1 to 1000); all are reckoned with' })),
}, strict)

export const PlotQuerySchema = Type.Object({
  suite: Type.Optional(TextSchema('The suite; absent: the first')),
  last: Type.Optional(Type.Integer({ minimum: 1, maximum: TRAINING_LIMITS.reports, default: 200, description: 'Newest points to show (1 to 1000)' })),
}, strict)

export const ReportedSchema = Type.Object({
  accepted: wholeNumber('Stored durably by this call'),
  attempts: wholeNumber('Of them, those whose step was known with other figures: kept as another attempt, flagged, and taken as the step\'s figures from now on'),
  duplicates: wholeNumber('Stored before, with the same figures'),
  rejected: Type.Array(Type.Object({
    index: wholeNumber('Position in the batch, from 0'),
    path: Type.String({ description: 'Where in the checkpoint (JSON pointer)' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'Not stored' }),
  epochs: Type.Array(Type.Object({
    context: Type.String({ description: 'Context key' }), step: wholeNumber('The checkpoint it is of'),
  }), { description: 'Contexts that start a new epoch, with all below: evidence of one checkpoint is none of the next' }),
}, { title: 'ReportedCheckpoints', description: 'Stored durably, but for what is rejected', examples: [REPORTED_EXAMPLE] })
