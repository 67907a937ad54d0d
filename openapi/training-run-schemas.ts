import { Type, type Static, type TArrayOptions, type TSchema } from '#typebox'
import { VERDICTS, type VerdictName } from '../src/core/training/verdict.js'
import { RUN_EXAMPLE, RUN_LIST_EXAMPLE } from './examples/training-examples.js'
import { nullable, NullableRatioSchema, objectOrNull, RatioSchema, TimeSchema } from './field-schemas.js'
import { CheckpointSchema, figures, WholeNumberSchema } from './checkpoint-schemas.js'

const names = Object.keys(VERDICTS) as VerdictName[]
const verdict = Type.Unsafe<VerdictName>({ type: 'string', enum: names, description: names.join(', ') })

/** A list that the service does not change, so that replies need no copy of it. */
const list = <T extends TSchema>(of: T, options: TArrayOptions) => Type.Unsafe<ReadonlyArray<Static<T>>>(Type.Array(of, options))

const coverage = (of: string) => Type.Object({
  held_out: WholeNumberSchema('Checkpoints for which earlier ones had forecast an interval'),
  covered: WholeNumberSchema('Checkpoints that fell into their interval'),
}, { description: `Coverage for ${of}` })

const SlopeSchema = Type.Object({
  slope: Type.Number({ description: 'Change for each step (Theil 1950)' }),
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
  max_em_drop: RatioSchema('EM that the policy of its context accepts to lose; without a context, that of the root'),
  threshold: NullableRatioSchema('Threshold of the newest step. Trend, forecast, coverage and verdicts use only steps evaluated under the same threshold; null: full runs'),
  compared: WholeNumberSchema('Number of steps evaluated under that threshold'),
  points: list(PointSchema, { description: 'Points in the order of steps' }),
  trend: Type.Object({ em: slope('EM (fraction)'), tokens: slope('the mean tokens') }, { description: 'Trend over the last 10 checkpoints' }),
  forecast: list(ForecastSchema, { description: 'Forecast of the next three checkpoints' }),
  coverage: Type.Object({ level: RatioSchema('Share of checkpoints that should fall into their interval'), em: coverage('EM'), tokens: coverage('tokens') }, {
    description: 'How well forecasts of the next checkpoint have held in this series',
  }),
  verdicts: list(Type.Object({
    verdict,
    tests: Type.String({ description: 'What the verdict tests' }),
    figures: Type.Unsafe<Record<string, number>>({
      type: 'object', additionalProperties: { type: 'number' }, description: 'Figures that the verdict rests on: EM and rates as fractions, slopes for each step',
    }),
  }), { description: 'Verdicts on the newest checkpoints; empty: none applies' }),
}, { title: 'SuiteOfRun', description: 'A suite of a training run' })

const ExpectedSchema = Type.Object({
  run: nullable<string>('string', { description: 'Run of that checkpoint; null: unknown' }),
  step: nullable<number>('integer', { description: 'Step of that checkpoint; null: unknown' }),
  threshold: RatioSchema('Threshold that was certified'),
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
  threshold: NullableRatioSchema('Certified threshold; null: run in full'),
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
