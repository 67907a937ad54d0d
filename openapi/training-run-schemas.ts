import { type Static, type TArrayOptions, type TSchema, Type } from '#typebox'
import { TRAINING_LIMITS, type VerdictName, VERDICTS } from '../src/core/training/index.js'
import { REPORTED_EXAMPLE, RUN_EXAMPLE, RUN_LIST_EXAMPLE } from './examples/training-examples.js'
import {
  ContextSchema, nullable, NullableRatioSchema, NullableScoreSchema, objectOrNull, RatioSchema, ScoreSchema, TextSchema,
  TimeSchema,
} from './field-schemas.js'

const strict = { additionalProperties: false }
const share = (description: string, example: number) =>
  Type.Number({ minimum: 0, maximum: 1, description: `${description} (fraction, 0 to 1)`, examples: [example] })
const tokens = (description: string, example: number) =>
  Type.Number({ minimum: 0, maximum: 1e9, description: `${description} (tokens, from 0)`, examples: [example] })
const WholeNumberSchema = (description: string) => Type.Integer({ description })

/** Figures of an evaluation. */
const figures = {
  step: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Training step (a whole number from 0)', examples: [1200] }),
  em: share('Exact Match', 0.71),
  n: Type.Integer({ minimum: 1, maximum: 1e9, description: 'Number of questions evaluated (a whole number from 1)', examples: [1319] }),
  em_stderr: Type.Optional(share('Standard error of em; absent: sqrt(em (1 - em) / n)', 0.0125)),
  em_estimate_low: Type.Optional(share('Where the evaluation was stopped early, and em is the estimate for full responses: lower end of the 95 % interval of the EM that these questions would have had in full. The choice of the questions is not part of it; em_stderr has both errors', 0.69)),
  em_estimate_high: Type.Optional(share('Upper end of that interval', 0.72)),
  tokens_mean: tokens('Mean length of a response', 812.4),
  tokens_spent_mean: Type.Optional(tokens('Where the evaluation was stopped early, and tokens_mean is the estimate for full responses: mean tokens spent on a response, with those of probes', 430.5)),
  tokens_p50: Type.Optional(tokens('Median length, not above tokens_p95', 700)),
  tokens_p95: Type.Optional(tokens('95th percentile of the length', 2100)),
  stop_rate: Type.Optional(share('Share of responses that were stopped early', 0)),
  truncated_rate: Type.Optional(share('Share of responses cut off at the token limit', 0.004)),
  advantage_variance: Type.Optional(share('Of rollouts: mean variance of the rewards in a group, with rewards from 0 to 1', 0.03)),
  threshold: Type.Optional(nullable<number>('number', { minimum: 0, maximum: 1, description: 'Threshold that the evaluation stopped at (0 to 1); null: full runs' })),
  context: Type.Optional({ ...ContextSchema, description: 'Context that serves this checkpoint, one value for each level. A new step starts a new epoch there and in all contexts below, unless it continues' }),
}

const examples = [{
  step: 1200, suite: 'gsm8k', em: 0.71, n: 1319, tokens_mean: 812.4, tokens_p50: 700, tokens_p95: 2100, truncated_rate: 0.004, context: { model: 'q-rl' },
}]

export const CheckpointSchema = Type.Object({
  ...figures,
  suite: TextSchema('Name of the evaluation suite', ['gsm8k']),
  continues: Type.Optional(Type.Boolean({ description: 'Whether the weights have moved by training rather than been replaced: the epoch of the context goes on, and its guarantee is about the policy as it moves. For rollouts of reinforcement learning' })),
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

const CheckpointBatchSchema = Type.Object({ checkpoints: Type.Array(CheckpointSchema, many) }, { ...strict, title: 'CheckpointBatch' })

/** The shape of a batch as a whole. Its checkpoints are validated one by one. */
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

export const ReportedSchema = Type.Object({
  accepted: WholeNumberSchema('Checkpoints stored durably by this call'),
  attempts: WholeNumberSchema('Accepted checkpoints whose step was known with other figures; they are flagged as another attempt, and become the figures of the step'),
  duplicates: WholeNumberSchema('Checkpoints that were stored before with the same figures'),
  rejected: Type.Array(Type.Object({
    index: WholeNumberSchema('Position in the batch, from 0'),
    path: Type.String({ description: 'JSON pointer into the checkpoint' }),
    message: Type.String({ description: 'How to correct the input' }),
  }), { description: 'Invalid checkpoints, which were not stored' }),
  epochs: Type.Array(Type.Object({
    context: Type.String({ description: 'Context key' }), step: WholeNumberSchema('Step of the checkpoint'),
  }), { description: 'Contexts that start a new epoch, with all contexts below, since the evidence of one checkpoint does not hold for the next' }),
}, { title: 'ReportedCheckpoints', description: 'The valid checkpoints are stored durably', examples: [REPORTED_EXAMPLE] })

const names = Object.keys(VERDICTS) as VerdictName[]
const verdict = Type.Unsafe<VerdictName>({ type: 'string', enum: names, description: names.join(', ') })

/** A list that the service does not change, so that replies need no copy of it. */
const list = <T extends TSchema>(of: T, options: TArrayOptions) => Type.Unsafe<ReadonlyArray<Static<T>>>(Type.Array(of, options))

const coverage = (of: string) => Type.Object({
  held_out: WholeNumberSchema('Checkpoints for which earlier ones had forecast an interval'),
  covered: WholeNumberSchema('Checkpoints that fell into their interval'),
}, { description: `Coverage for ${of}` })

const SlopeSchema = Type.Object({
  slope: Type.Number({ description: 'Change for each step, or each percent of tokens (Theil 1950)' }),
  low: nullable<number>('number', { description: 'Lower bound at 95 % (Sen 1968); null: too few checkpoints' }),
  high: nullable<number>('number', { description: 'Upper bound at 95 %; null: too few checkpoints' }),
  checkpoints: WholeNumberSchema('Number of newest checkpoints that it is computed from'),
}, { title: 'LocalSlope', description: 'Slope over the newest checkpoints' })

const slope = (of: string) => objectOrNull(SlopeSchema, `Local slope of ${of}; null: fewer than two checkpoints`)

const nullableTokens = (description: string) => nullable<number>('number', { description: `${description} (tokens)` })

const PointSchema = Type.Object({
  ...figures,
  em_low: RatioSchema('Lower bound of EM at 95 %'),
  em_high: RatioSchema('Upper bound of EM at 95 %'),
  tokens_low: nullableTokens('Lower bound of the mean at 95 %, if lengths are log-normal; null: tokens_p50 or tokens_p95 is absent'),
  tokens_high: nullableTokens('Upper bound of the mean at 95 %, likewise'),
  at: nullable<string>('string', { description: 'When the checkpoint was evaluated, as reported' }),
  received_at: TimeSchema('When the checkpoint was reported'),
  is_replay: Type.Boolean({ description: 'Whether the step was reported before with other figures under the same threshold' }),
  earlier_attempts: list(CheckpointSchema, { description: 'Earlier reports of the step, oldest first' }),
  predates_replay: Type.Boolean({ description: 'Whether a lower step was reported again after this one, which may then belong to a branch that the job has left' }),
}, { title: 'CheckpointPoint', description: 'Latest figures of a step' })

const ForecastSchema = Type.Object({
  step: WholeNumberSchema('Step, at the usual distance of checkpoints'),
  em: RatioSchema('Expected EM'),
  em_low: NullableRatioSchema('Lower bound of EM at 90 % (conformal); null: too few checkpoints to calibrate it'),
  em_high: NullableRatioSchema('Upper bound of EM at 90 %; null likewise'),
  tokens_mean: Type.Number({ description: 'Expected mean length (tokens)' }),
  tokens_low: nullableTokens('Lower bound of the mean at 90 %; null likewise'),
  tokens_high: nullableTokens('Upper bound of the mean at 90 %; null likewise'),
}, { title: 'CheckpointForecast', description: 'Forecast of a coming checkpoint' })

const SuiteSchema = Type.Object({
  suite: Type.String({ description: 'Name of the evaluation suite' }),
  steps: WholeNumberSchema('Number of steps kept'),
  replayed: WholeNumberSchema('Number of steps that were reported again with other figures under the same threshold'),
  max_em_drop: RatioSchema('EM drop that the policy of its context allows; without a context, the policy of the root'),
  threshold: NullableScoreSchema('Threshold of the newest step. Trend, forecast, coverage and verdicts use only steps evaluated under the same threshold; null: full runs'),
  compared: WholeNumberSchema('Number of steps evaluated under that threshold'),
  points: list(PointSchema, { description: 'Points in the order of steps' }),
  trend: Type.Object({
    em: slope('EM (fraction)'),
    tokens: slope('the mean tokens'),
    em_per_percent_of_tokens: objectOrNull(SlopeSchema, 'Change of EM (fraction) for each percent of tokens more, by the same checkpoints; null: they have the same tokens, or there are fewer than two'),
  }, { description: 'Trend over the last 10 checkpoints' }),
  forecast: list(ForecastSchema, { description: 'Forecast of the next three checkpoints' }),
  coverage: Type.Object({ level: RatioSchema('Share of checkpoints that should fall into their interval'), em: coverage('EM'), tokens: coverage('tokens') }, {
    description: 'How well forecasts of the next checkpoint have held in this series',
  }),
  verdicts: list(Type.Object({
    verdict,
    tests: Type.String({ description: 'Test behind the verdict' }),
    figures: Type.Unsafe<Record<string, number>>({
      type: 'object', additionalProperties: { type: 'number' }, description: 'Figures that the verdict rests on: EM and rates as fractions, slopes for each step',
    }),
  }), { description: 'Verdicts on the newest checkpoints; empty: none applies' }),
}, { title: 'SuiteOfRun', description: 'A suite of a training run' })

const ExpectedSchema = Type.Object({
  run: nullable<string>('string', { description: 'Run of that checkpoint; null: unknown' }),
  step: nullable<number>('integer', { description: 'Step of that checkpoint; null: unknown' }),
  threshold: ScoreSchema('Threshold that was certified'),
  tokens_saved_ratio: RatioSchema('Tokens that it saved'),
  em_drop: RatioSchema('EM that it lost'),
}, { title: 'ExpectedThreshold', description: 'Threshold that an earlier checkpoint had certified' })

const AdviceSchema = Type.Object({
  context: Type.String({ description: 'Context key' }),
  advice: Type.Unsafe<'stop_early' | 'run_in_full'>({ type: 'string', enum: ['stop_early', 'run_in_full'], description: 'stop_early: stop at the threshold; run_in_full: do not stop early' }),
  reason: Type.Unsafe<'certified' | 'little_evidence' | 'not_started' | 'superseded' | 'reset'>({
    type: 'string',
    enum: ['certified', 'little_evidence', 'not_started', 'superseded', 'reset'],
    description: 'certified: the evidence of this checkpoint certifies the threshold; little_evidence: it does not, or no longer; not_started: no outcome of this checkpoint has been learned; superseded: the context serves another checkpoint; reset: the context was reset, and the next checkpoint will tell what it serves',
  }),
  epoch: nullable<number>('integer', { description: 'Epoch of this checkpoint; null: none yet' }),
  threshold: NullableScoreSchema('Certified threshold; null: run in full'),
  tokens_saved_ratio: RatioSchema('Tokens that the threshold saves'),
  em_drop: NullableRatioSchema('Net EM drop observed at the threshold'),
  em_drop_low: NullableRatioSchema('Lower bound of the true EM drop'),
  em_drop_high: NullableRatioSchema('Upper bound of the true EM drop'),
  generations: WholeNumberSchema('Control generations of this checkpoint in the evidence'),
  generations_to_next_certificate: nullable<number>('integer', { description: 'Control generations until the next threshold would be certified; null: cannot be predicted' }),
  expected: objectOrNull(ExpectedSchema, 'Threshold that an earlier checkpoint had certified. It is only a first expectation, which decides nothing; null: none'),
}, { title: 'Advice', description: 'Whether generations of the newest checkpoint may be stopped early' })

const head = {
  run: Type.String({ description: 'Name of the run' }),
  created_at: TimeSchema('When the run was first reported on'),
  updated_at: TimeSchema('When the run was last reported on'),
}

export const RunSchema = Type.Object({
  ...head,
  suites: list(SuiteSchema, { description: 'Suites of the run' }),
  contexts: list(Type.Object({
    context: Type.String({ description: 'Context key that checkpoints stated' }),
    step: WholeNumberSchema('Step of the newest checkpoint served there'),
    since: TimeSchema('When that checkpoint was first reported'),
    advice: list(AdviceSchema, { description: 'Advice for this context and up to 50 below it' }),
  }), { description: 'Contexts that serve checkpoints of the run' }),
}, { title: 'TrainingRun', description: 'A training run with its suites', examples: [RUN_EXAMPLE] })

export const RunListSchema = Type.Object({
  runs: list(Type.Object({
    ...head,
    suites: list(Type.Object({
      suite: Type.String({ description: 'Name of the evaluation suite' }),
      steps: WholeNumberSchema('Number of steps kept'),
      replayed: WholeNumberSchema('Number of steps that were reported again with other figures under the same threshold'),
      step: WholeNumberSchema('Newest step'),
      em: RatioSchema('EM of the newest step'),
      tokens_mean: Type.Number({ description: 'Mean length of the newest step (tokens)' }),
      verdicts: list(verdict, { description: 'Verdicts at the time of the last report, under the policy of that time; GET the run for the present ones' }),
    }), { description: 'Latest figures of each suite' }),
    contexts: list(Type.String(), { description: 'Context keys that checkpoints stated' }),
  }, { title: 'TrainingRunSummary', description: 'A run with its latest figures' }), { description: 'Up to 100 runs, the last reported on first' }),
}, { title: 'TrainingRuns', description: 'Training runs', examples: [RUN_LIST_EXAMPLE] })
