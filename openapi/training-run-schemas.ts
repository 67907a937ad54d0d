import { Type } from 'typebox'
import { VERDICTS, type VerdictName } from '../src/core/training/verdict.js'
import { RUN_EXAMPLE, RUN_LIST_EXAMPLE } from './examples/training-examples.js'
import { nullable, nullableRatio, ratio, time } from './field-schemas.js'
import { CheckpointSchema, figures, wholeNumber } from './training-schemas.js'

const names = Object.keys(VERDICTS) as VerdictName[]
const verdict = Type.Unsafe<VerdictName>({ type: 'string', enum: names, description: names.join(', ') })

const coverage = (of: string) => Type.Object({
  held_out: wholeNumber('Checkpoints that an interval had been forecast for by those before them'),
  covered: wholeNumber('Those of them that fell into it'),
}, { description: `Of ${of}` })

type Slope = { slope: number, low: number | null, high: number | null, checkpoints: number }

const slope = (of: string, unit: string) => Type.Unsafe<Slope | null>({
  type: ['object', 'null'],
  properties: {
    slope: Type.Number({ description: `${unit} a step (Theil 1950)` }),
    low: nullable<number>('number', { description: 'It is at least this, at 95 % (Sen 1968); null: too few checkpoints to say' }),
    high: nullable<number>('number', { description: 'and at most' }),
    checkpoints: wholeNumber('Newest checkpoints it is of'),
  },
  required: ['slope', 'low', 'high', 'checkpoints'],
  description: `Local slope of ${of}; null before the second checkpoint`,
})

const nullableTokens = (description: string) => nullable<number>('number', { description: `${description} (tokens)` })

const PointSchema = Type.Object({
  ...figures,
  em_low: ratio('EM is at least this, at 95 %'),
  em_high: ratio('and at most'),
  tokens_low: nullableTokens('The mean is at least this, at 95 %, were lengths log-normal; null without tokens_p50 and tokens_p95'),
  tokens_high: nullableTokens('and at most'),
  at: nullable<string>('string', { description: 'When it was evaluated, as reported' }),
  received_at: time('When it was reported'),
  is_replay: Type.Boolean({ description: 'Evaluated under the same threshold, the step was reported before with other figures' }),
  earlier_attempts: Type.Array(CheckpointSchema, { description: 'All that was reported of it before, oldest first' }),
  predates_replay: Type.Boolean({ description: 'A lower step was reported anew after it: it may be of a branch that the job has left' }),
}, { title: 'CheckpointPoint', description: 'The newest figures of a step' })

const ForecastSchema = Type.Object({
  step: wholeNumber('At the usual distance of checkpoints'),
  em: ratio('EM expected'),
  em_low: nullableRatio('It will be at least this, at 90 % (conformal); null: too few checkpoints to calibrate it'),
  em_high: nullableRatio('and at most'),
  tokens_mean: Type.Number({ description: 'Mean length expected (tokens)' }),
  tokens_low: nullableTokens('At least, at 90 %'),
  tokens_high: nullableTokens('and at most'),
}, { title: 'CheckpointForecast', description: 'What a coming checkpoint is expected to find' })

const SuiteSchema = Type.Object({
  suite: Type.String({ description: 'What was evaluated' }),
  steps: wholeNumber('Steps kept'),
  replayed: wholeNumber('Of them, those reported again with other figures under the same threshold'),
  max_em_drop: ratio('EM that the policy of its context is willing to lose (without a context, the root\'s)'),
  threshold: nullableRatio('Trend, forecast, coverage and verdicts are read from the steps evaluated under this threshold, the newest step\'s; null: in full'),
  compared: wholeNumber('How many those are'),
  points: Type.Array(PointSchema, { description: 'By step, the newest last' }),
  trend: Type.Object({ em: slope('EM', 'Fraction'), tokens: slope('the mean tokens', 'Tokens') }, { description: 'Over the last 10 checkpoints' }),
  forecast: Type.Array(ForecastSchema, { description: 'The next three checkpoints' }),
  coverage: Type.Object({ level: ratio('Share of checkpoints that should fall into the intervals'), em: coverage('EM'), tokens: coverage('tokens') }, {
    description: 'How the one-step forecasts of this series have held',
  }),
  verdicts: Type.Array(Type.Object({
    verdict,
    tests: Type.String({ description: 'What the verdict tests' }),
    figures: Type.Unsafe<Record<string, number>>({
      type: 'object', additionalProperties: { type: 'number' }, description: 'What it rests on: EM and rates as fractions, slopes by step',
    }),
  }), { description: 'What the newest checkpoints say; empty: none of these' }),
}, { title: 'SuiteOfRun', description: 'A suite of a training run' })

interface Expected { run: string | null, step: number | null, threshold: number, tokens_saved_ratio: number, em_drop: number }

const ExpectedSchema = Type.Unsafe<Expected | null>({
  type: ['object', 'null'],
  properties: {
    run: nullable<string>('string', { description: 'Of that checkpoint, where it is known' }),
    step: nullable<number>('integer', { description: 'Of that checkpoint, where it is known' }),
    threshold: ratio('What it had certified'),
    tokens_saved_ratio: ratio('What that saved'),
    em_drop: ratio('What that lost'),
  },
  required: ['run', 'step', 'threshold', 'tokens_saved_ratio', 'em_drop'],
  description: 'What an earlier checkpoint had certified: a starting expectation, by which nothing is decided; null: nothing',
})

const AdviceSchema = Type.Object({
  context: Type.String({ description: 'Context key' }),
  advice: Type.Unsafe<'stop_early' | 'run_in_full'>({ type: 'string', enum: ['stop_early', 'run_in_full'], description: 'stop_early: at the threshold; run_in_full' }),
  reason: Type.Unsafe<'certified' | 'little_evidence' | 'not_started' | 'superseded' | 'reset'>({
    type: 'string',
    enum: ['certified', 'little_evidence', 'not_started', 'superseded', 'reset'],
    description: 'certified by this checkpoint\'s own evidence; little_evidence: not yet, or no longer; not_started: nothing of this checkpoint was reported or learned; superseded: another checkpoint is served there; reset: the context was reset since, and what it serves is not known before the next checkpoint',
  }),
  epoch: nullable<number>('integer', { description: 'Epoch of this checkpoint; null: it has none yet' }),
  threshold: nullableRatio('Certified threshold; null: run in full'),
  tokens_saved_ratio: ratio('Tokens it saves'),
  em_drop: nullableRatio('Net EM drop seen there'),
  em_drop_low: nullableRatio('Where the true one is, at least'),
  em_drop_high: nullableRatio('and at most'),
  generations: wholeNumber('Control generations of this checkpoint in the evidence'),
  generations_to_next_certificate: nullable<number>('integer', { description: 'More of them until the next threshold would be certified; null: not foreseeable' }),
  expected: ExpectedSchema,
}, { title: 'Advice', description: 'How far generation may be stopped early at the newest checkpoint' })

const head = {
  run: Type.String({ description: 'Name of the run' }),
  created_at: time('When it was first reported on'),
  updated_at: time('When it was last reported on'),
}

export const RunSchema = Type.Object({
  ...head,
  suites: Type.Array(SuiteSchema, { description: 'By suite' }),
  contexts: Type.Array(Type.Object({
    context: Type.String({ description: 'Context key that checkpoints named' }),
    step: wholeNumber('Newest checkpoint there'),
    since: time('When it was first reported'),
    advice: Type.Array(AdviceSchema, { description: 'For this context and up to 50 below it' }),
  }), { description: 'Where checkpoints of the run are served' }),
}, { title: 'TrainingRun', description: 'A training run, suite by suite', examples: [RUN_EXAMPLE] })

export const RunListSchema = Type.Object({
  runs: Type.Array(Type.Object({
    ...head,
    suites: Type.Array(Type.Object({
      suite: Type.String({ description: 'What was evaluated' }),
      steps: wholeNumber('Steps kept'),
      replayed: wholeNumber('Of them, those reported again with other figures under the same threshold'),
      step: wholeNumber('The newest'),
      em: ratio('EM there'),
      tokens_mean: Type.Number({ description: 'Mean length there (tokens)' }),
      verdicts: Type.Array(verdict, { description: 'What could be said when it was last reported on, under the policy of then; the run itself says what can be said now' }),
    }), { description: 'Where each suite stands' }),
    contexts: Type.Array(Type.String(), { description: 'Context keys that checkpoints named' }),
  }, { title: 'TrainingRunSummary', description: 'A run and where it stands' }), { description: 'The last reported on first; up to 100' }),
}, { title: 'TrainingRuns', description: 'Runs that are kept', examples: [RUN_LIST_EXAMPLE] })
