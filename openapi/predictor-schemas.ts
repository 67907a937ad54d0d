import { Type, type Static } from 'typebox'
import { PREDICTOR_DETAIL_EXAMPLE, PREDICTOR_EXAMPLE, PREDICTOR_REQUEST_EXAMPLE } from './examples/predictor-examples.js'
import { LENGTH_POWER_DESCRIPTION, nullable, TextSchema, time, WEIGHTS_DESCRIPTION } from './field-schemas.js'
import { MIN_THRESHOLDS, MAX_THRESHOLDS, type Predictor } from '../src/core/predictor/predictor.js'

const strict = { additionalProperties: false }

const labels = { type: 'string', enum: ['exact_match', 'agreement'] } as const

export const PredictorParamsSchema = Type.Object({
  name: Type.String({
    pattern: '^[a-z0-9][a-z0-9._-]{0,63}$',
    description: 'Name of the predictor: up to 64 small letters, digits, . _ -; auto-... are those that the service trains',
    examples: ['gsm8k-v2'],
  }),
})

const CalibrationSchema = Type.Object({
  generations: Type.Integer({ minimum: 0, description: 'Generations it was tried on, of groups it was not fitted on' }),
  steps: Type.Integer({ minimum: 0, description: 'Their steps' }),
  brier: Type.Number({ description: 'Mean squared error of its probability that EM is not lost; less is better' }),
  brier_confidence: Type.Number({ description: 'The same of the raw confidence' }),
  ece: Type.Number({ description: 'Expected calibration error over the bins of reliability; less is better' }),
  ece_confidence: Type.Number({ description: 'The same of the raw confidence' }),
  reliability: Type.Array(Type.Object({
    predicted: Type.Number({ description: 'Mean probability in the bin' }),
    observed: Type.Number({ description: 'Share of steps at which EM was not lost' }),
    weight: Type.Number({ description: 'Share of all the weight; generations weigh the same' }),
  }, strict), { maxItems: 100, description: 'Bins, lowest first' }),
}, { ...strict, title: 'Calibration', description: 'How far its probabilities hold, on groups it was not fitted on' })

const definition = {
  label: Type.Unsafe<'exact_match' | 'agreement'>({ ...labels, description: 'What made an answer right where it was trained' }),
  levels: Type.String({ maxLength: 512, description: 'Context levels, joined by commas' }),
  signals: Type.Array(Type.Object({
    name: TextSchema('Name of the signal'),
    mean: Type.Number({ minimum: -1e15, maximum: 1e15, description: 'Taken off its value' }),
    scale: Type.Number({ minimum: 1e-9, maximum: 1e15, description: 'and then divided by; what comes of it counts within +-8' }),
  }, strict), { maxItems: 16, description: 'Signals that count' }),
  contexts: Type.Unsafe<Record<string, { log_median: number, length_power?: number, weights: number[] }>>({
    type: 'object',
    maxProperties: 10_000,
    additionalProperties: {
      type: 'object',
      properties: {
        log_median: { type: 'number', minimum: -100, maximum: 100, description: 'ln of the median length of a full run (tokens)' },
        length_power: { type: 'number', minimum: 0, maximum: 2, description: LENGTH_POWER_DESCRIPTION },
        weights: {
          type: 'array',
          items: { type: 'number', minimum: -1e6, maximum: 1e6 },
          minItems: 4,
          maxItems: 20,
          description: WEIGHTS_DESCRIPTION,
        },
      },
      required: ['log_median', 'weights'],
      additionalProperties: false,
    },
    description: 'What it knows of each context, by key; "*" must be there; others score as their nearest ancestor here',
  }),
  grid: Type.Array(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), {
    minItems: MIN_THRESHOLDS, maxItems: MAX_THRESHOLDS, description: 'Its thresholds, safest first, each below the one before',
  }),
  calibration: Type.Optional(CalibrationSchema),
}

const trained = {
  generations: Type.Integer({ minimum: 0, description: 'Generations it was trained on' }),
  steps: Type.Integer({ minimum: 0, description: 'Their steps' }),
  salt_digest: Type.String({ maxLength: 64, description: 'Stands for the salt of the service that drew them' }),
  groups: Type.Array(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), {
    maxItems: 20_000, description: 'Draws u of their groups: no evidence for it. Those of another service exclude nothing here and are refused: see trained_group_ids',
  }),
}

export const PredictorRequestSchema = Type.Object({
  ...definition,
  name: Type.Optional(Type.String({ maxLength: 64, description: 'Not looked at: the path names it' })),
  trained: Type.Optional(Type.Partial(Type.Object(trained), { ...strict, description: 'What it was trained on' })),
  trained_group_ids: Type.Optional(Type.Array(TextSchema('group_id, or generation_id without one'), {
    maxItems: 20_000, description: 'Groups it was trained on, where they may come again: no evidence for it',
  })),
}, {
  ...strict,
  title: 'PredictorWish',
  description: 'A predictor to bring in, such as GET gives as `definition`',
  examples: [PREDICTOR_REQUEST_EXAMPLE],
})

const fields = {
  name: Type.String({ description: 'Name' }),
  label: definition.label,
  status: Type.Unsafe<'live' | 'retired'>({ type: 'string', enum: ['live', 'retired'], description: 'Whether it may serve and gather evidence' }),
  by: Type.String({ description: 'Name of the token it was imported with, or trainer' }),
  created_at: time('When'),
  retired_at: nullable<string>('string', { format: 'date-time', description: 'When it was retired (ISO 8601, UTC); null: it is live' }),
  contexts: Type.Integer({ description: 'Contexts it has weights of their own for (`contexts` of its definition)' }),
  signals: Type.Array(Type.String(), { description: 'Names of the signals that count (`signals` of its definition)' }),
  trained_generations: Type.Integer({ description: 'Generations it was trained on (`trained.generations` of its definition)' }),
  serving_in: Type.Integer({ description: 'Contexts in which its certified threshold is in force, parents too' }),
  on_trial_in: Type.Integer({ description: 'Contexts in which it gathers evidence, parents too: it is among their `challengers`' }),
  calibration: Type.Unsafe<Static<typeof CalibrationSchema> | null>({ ...CalibrationSchema, type: ['object', 'null'], title: 'NullableCalibration' }),
}

export const PredictorViewSchema = Type.Object(fields, {
  title: 'Predictor', description: 'A predictor and what has become of it', examples: [PREDICTOR_EXAMPLE],
})

export const PredictorListSchema = Type.Object({
  predictors: Type.Array(PredictorViewSchema, { description: 'Newest first' }),
}, { title: 'PredictorList', description: 'All predictors that are kept, retired ones too', examples: [{ predictors: [PREDICTOR_EXAMPLE] }] })

export const PredictorDetailSchema = Type.Object({
  ...fields,
  definition: Type.Unsafe<Predictor>(Type.Object({ name: fields.name, ...definition, trained: Type.Object(trained, { description: 'What it was trained on' }) }, {
    description: 'All that it computes with; PUT takes it, here or elsewhere',
  })),
}, {
  title: 'PredictorDetail',
  description: 'A predictor with all that it computes with',
  examples: [PREDICTOR_DETAIL_EXAMPLE],
})
