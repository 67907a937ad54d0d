import { Type } from '#typebox'
import { PREDICTOR_DETAIL_EXAMPLE, PREDICTOR_EXAMPLE, PREDICTOR_REQUEST_EXAMPLE } from './examples/predictor-examples.js'
import { LENGTH_POWER_DESCRIPTION, nullable, objectOrNull, stating, TextSchema, TimeSchema, WEIGHTS_DESCRIPTION } from './field-schemas.js'
import { type HeldOutSavings, MAX_THRESHOLDS, MIN_THRESHOLDS, type Predictor } from '../src/core/scores/index.js'

const strict = { additionalProperties: false }

const labels = { type: 'string', enum: ['exact_match', 'agreement'] } as const

export const PredictorParamsSchema = Type.Object({
  name: Type.String({
    pattern: '^[a-z0-9][a-z0-9._-]{0,63}$',
    description: 'Name of the predictor: up to 64 lower-case letters, digits, . _ -; the service names those that it trains auto-...',
    examples: ['gsm8k-v2'],
  }),
})

/** For imports: names that the service gives itself cannot be taken. */
export const ImportParamsSchema = Type.Object({
  name: stating(PredictorParamsSchema.properties.name, { pattern: '^(?!auto-|confidence$|tokens$)[a-z0-9][a-z0-9._-]{0,63}$' }),
})

const CalibrationSchema = Type.Object({
  generations: Type.Integer({ minimum: 0, description: 'Generations of the calibration set, from groups that the fit did not use' }),
  steps: Type.Integer({ minimum: 0, description: 'Steps of these generations' }),
  brier: Type.Number({ description: 'Brier score of the predicted probability that EM is not lost; lower is better' }),
  brier_confidence: Type.Number({ description: 'The same for the raw confidence' }),
  ece: Type.Number({ description: 'Expected calibration error over the bins of `reliability`; lower is better' }),
  ece_confidence: Type.Number({ description: 'The same for the raw confidence' }),
  reliability: Type.Array(Type.Object({
    predicted: Type.Number({ description: 'Mean predicted probability in the bin' }),
    observed: Type.Number({ description: 'Share of steps at which EM was not lost' }),
    weight: Type.Number({ description: 'Share of the total weight; every generation has the same weight' }),
  }, { ...strict, title: 'ReliabilityBin', description: 'A bin of predicted probabilities' }), { maxItems: 100, description: 'Bins, lowest first' }),
}, { ...strict, title: 'Calibration', description: 'Calibration of the predictor on groups that the fit did not use' })

const savingsFields = {
  generations: Type.Integer({ minimum: 0, description: 'Generations that both shares rest on' }),
  max_em_drop: Type.Number({ minimum: 0, maximum: 1, description: 'The bound that was in force when the predictor was trained' }),
  tokens_saved_gross_ratio: Type.Number({
    minimum: 0, maximum: 1, description: 'Share of the tokens of full runs that stops by the predictor would have saved, before the tokens of probes and answers',
  }),
  tokens_saved_gross_ratio_confidence: Type.Number({ minimum: 0, maximum: 1, description: 'The same for the raw confidence' }),
}

const HeldOutSavingsSchema = Type.Unsafe<Record<string, HeldOutSavings>>({
  type: 'object',
  maxProperties: 10_000,
  additionalProperties: Type.Object(savingsFields, { ...strict, title: 'HeldOutSavings' }),
  description: 'What the predictor would have saved, by key of the context that gathers the evidence: an estimate by cross-validation over prompts, ' +
    'at the loosest threshold up to which no more EM is lost than `max_em_drop`; no certificate. Contexts with too few prompts are left out',
})

const definition = {
  label: Type.Unsafe<'exact_match' | 'agreement'>({ ...labels, description: 'How answers were judged in its training data' }),
  levels: Type.String({ maxLength: 512, description: 'Context levels, separated by commas' }),
  signals: Type.Array(Type.Object({
    name: TextSchema('Name of the signal'),
    mean: Type.Number({ minimum: -1e15, maximum: 1e15, description: 'Mean, which is subtracted from the value' }),
    scale: Type.Number({ minimum: 1e-9, maximum: 1e15, description: 'Scale, by which the difference is divided; the result is clamped to +-8' }),
  }, strict), { maxItems: 16, description: 'Signals that the predictor uses' }),
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
    description: 'Weights by context key; "*" is required; a context that is not listed uses those of its nearest ancestor',
  }),
  grid: Type.Array(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), {
    minItems: MIN_THRESHOLDS, maxItems: MAX_THRESHOLDS, description: 'Thresholds of the predictor, safest first, in descending order',
  }),
  calibration: Type.Optional(CalibrationSchema),
  held_out_savings: Type.Optional(HeldOutSavingsSchema),
}

const trained = {
  generations: Type.Integer({ minimum: 0, description: 'Generations in the training data' }),
  steps: Type.Integer({ minimum: 0, description: 'Steps of these generations' }),
  salt_digest: Type.String({ maxLength: 64, description: 'Digest of the salt that the groups were drawn with' }),
  groups: Type.Array(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), {
    maxItems: 20_000, description: 'Draws u of the groups in the training data, which are excluded from its evidence. Draws of another service would exclude nothing and are refused: use trained_group_ids',
  }),
}

export const PredictorRequestSchema = Type.Object({
  ...definition,
  name: Type.Optional(Type.String({ maxLength: 64, description: 'Ignored; the path states the name' })),
  trained: Type.Optional(Type.Partial(Type.Object(trained), { ...strict, description: 'Training data of the predictor' })),
  trained_group_ids: Type.Optional(Type.Array(TextSchema('group_id, or generation_id without one'), {
    maxItems: 20_000, description: 'Groups in the training data that may occur again; they are excluded from its evidence',
  })),
}, {
  ...strict,
  title: 'PredictorRequest',
  description: 'A predictor to import, in the form of `definition` of GET',
  examples: [PREDICTOR_REQUEST_EXAMPLE],
})

const fields = {
  name: Type.String({ description: 'Name of the predictor' }),
  label: definition.label,
  status: Type.Unsafe<'live' | 'retired'>({ type: 'string', enum: ['live', 'retired'], description: 'live: policies may name it as their score; retired: it is no longer used' }),
  by: Type.String({ description: 'Name of the token that imported it, or "trainer" if the service trained it' }),
  created_at: TimeSchema('When it was created'),
  retired_at: nullable<string>('string', { format: 'date-time', description: 'When it was retired (ISO 8601, UTC); null: it is live' }),
  contexts: Type.Integer({ description: 'Number of contexts with weights of their own (`contexts` of its definition)' }),
  signals: Type.Array(Type.String(), { description: 'Names of the signals that it uses (`signals` of its definition)' }),
  trained_generations: Type.Integer({ description: 'Generations in its training data (`trained.generations` of its definition)' }),
  scores_in: Type.Integer({ description: 'Number of contexts whose policy names it as the score, including those above the leaves' }),
  serving_in: Type.Integer({ description: 'Number of those in which a certified threshold is in force' }),
  calibration: objectOrNull(CalibrationSchema, 'Calibration of the predictor on groups that the fit did not use; null: it was imported without one'),
  held_out_savings: HeldOutSavingsSchema,
}

export const PredictorViewSchema = Type.Object(fields, {
  title: 'Predictor', description: 'A predictor and its state', examples: [PREDICTOR_EXAMPLE],
})

export const PredictorListSchema = Type.Object({
  predictors: Type.Array(PredictorViewSchema, { description: 'Predictors, newest first' }),
}, { title: 'PredictorList', description: 'All predictors that are kept, including retired ones', examples: [{ predictors: [PREDICTOR_EXAMPLE] }] })

export const PredictorDetailSchema = Type.Object({
  ...fields,
  definition: Type.Unsafe<Predictor>(Type.Object({ name: fields.name, ...definition, trained: Type.Object(trained, { description: 'Training data of the predictor' }) }, {
    description: 'Complete definition, which PUT accepts; for another service, leave out trained.groups',
  })),
}, {
  title: 'PredictorDetail',
  description: 'A predictor with its complete definition',
  examples: [PREDICTOR_DETAIL_EXAMPLE],
})
