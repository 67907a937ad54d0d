import { Type } from '#typebox'
import { REPORTED_EXAMPLE } from './examples/training-examples.js'
import { ContextSchema, nullable, TextSchema } from './field-schemas.js'
import { TRAINING_LIMITS } from '../src/core/training/add-reports.js'

const strict = { additionalProperties: false }
const share = (description: string, example: number) =>
  Type.Number({ minimum: 0, maximum: 1, description: `${description} (fraction, 0 to 1)`, examples: [example] })
const tokens = (description: string, example: number) =>
  Type.Number({ minimum: 0, maximum: 1e9, description: `${description} (tokens, from 0)`, examples: [example] })
export const WholeNumberSchema = (description: string) => Type.Integer({ description })

/** Figures of an evaluation. */
export const figures = {
  step: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Training step (a whole number from 0)', examples: [1200] }),
  em: share('Exact Match', 0.71),
  n: Type.Integer({ minimum: 1, maximum: 1e9, description: 'Number of questions evaluated (a whole number from 1)', examples: [1319] }),
  em_stderr: Type.Optional(share('Standard error of em; absent: sqrt(em (1 - em) / n)', 0.0125)),
  tokens_mean: tokens('Mean length of a response', 812.4),
  tokens_p50: Type.Optional(tokens('Median length, not above tokens_p95', 700)),
  tokens_p95: Type.Optional(tokens('95th percentile of the length', 2100)),
  stop_rate: Type.Optional(share('Share of responses that were stopped early', 0)),
  truncated_rate: Type.Optional(share('Share of responses cut off at the token limit', 0.004)),
  threshold: Type.Optional(nullable<number>('number', { minimum: 0, maximum: 1, description: 'Threshold that the evaluation stopped at (0 to 1); null: full runs' })),
  context: Type.Optional({ ...ContextSchema, description: 'Context that serves this checkpoint, one value for each level. A new step starts a new epoch there and in all contexts below' }),
}

const examples = [{
  step: 1200, suite: 'gsm8k', em: 0.71, n: 1319, tokens_mean: 812.4, tokens_p50: 700, tokens_p95: 2100, truncated_rate: 0.004, context: { model: 'q-rl' },
}]

export const CheckpointSchema = Type.Object({
  ...figures,
  suite: TextSchema('Name of the evaluation suite', ['gsm8k']),
  at: Type.Optional(Type.String({
    maxLength: 40, format: 'date-time', description: 'When the checkpoint was evaluated (RFC 3339, without leap seconds)', examples: ['2026-01-31T12:00:00Z'],
  })),
}, {
  ...strict,
  title: 'Checkpoint',
  description: 'Evaluation of one checkpoint on one suite',
  examples,
})

const many = { maxItems: 4096, description: 'Up to 4,096 checkpoints; an invalid one does not affect the others' }

export const CheckpointBatchSchema = Type.Object({ checkpoints: Type.Array(CheckpointSchema, many) }, { ...strict, title: 'CheckpointBatch' })

/** What a batch must be as a whole. Its checkpoints are validated one by one. */
export const AnyCheckpointsSchema = Type.Object({ checkpoints: Type.Array(Type.Unknown(), many) }, strict)

export const CheckpointsBodySchema = Type.Unsafe<unknown>({
  anyOf: [CheckpointSchema, CheckpointBatchSchema],
  description: 'One checkpoint, or several as {"checkpoints": [...]}',
  examples,
})

/** Clients resolve `.` and `..` in an address, so a run of that name could be written but not read. */
export const RunParamsSchema = Type.Object({ run: { ...TextSchema('Name of the run, not . or ..', ['q-rl-7']), format: 'run128' } })

export const RunQuerySchema = Type.Object({
  suite: Type.Optional(TextSchema('Returns only this suite')),
  last: Type.Optional(Type.Integer({ minimum: 1, maximum: TRAINING_LIMITS.reports, default: 200, description: 'Number of newest points to show for each suite (1 to 200, or up to 1000 for a single suite); trend, forecast and verdicts use all points' })),
}, strict)

export const PlotQuerySchema = Type.Object({
  suite: Type.Optional(TextSchema('Name of the suite; absent: the first')),
  last: Type.Optional(Type.Integer({ minimum: 1, maximum: TRAINING_LIMITS.reports, default: 200, description: 'Number of newest points to show (1 to 1000)' })),
}, strict)

export const ReportedSchema = Type.Object({
  accepted: WholeNumberSchema('Checkpoints stored durably by this call'),
  attempts: WholeNumberSchema('Accepted checkpoints whose step was known with other figures; they are flagged as another attempt, and become the figures of the step'),
  duplicates: WholeNumberSchema('Checkpoints that were stored before with the same figures'),
  rejected: Type.Array(Type.Object({
    index: WholeNumberSchema('Position in the batch, from 0'),
    path: Type.String({ description: 'JSON pointer into the checkpoint' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'Invalid checkpoints, which were not stored' }),
  epochs: Type.Array(Type.Object({
    context: Type.String({ description: 'Context key' }), step: WholeNumberSchema('Step of the checkpoint'),
  }), { description: 'Contexts that start a new epoch, with all contexts below, since the evidence of one checkpoint does not hold for the next' }),
}, { title: 'ReportedCheckpoints', description: 'The valid checkpoints are stored durably', examples: [REPORTED_EXAMPLE] })
